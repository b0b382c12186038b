"""``vta models pull`` against a real server and the hub's own client pointed at it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from published_model import REFERENCE, imported
from weights_server import (
    COMMIT,
    Library,
    cdn_path,
    cut_at,
    say,
    serving,
    stall_at,
    without_ranges,
)

from vtacli.cli.main import main
from vtacli.store.catalog import read_catalog
from vtacli.store.place import installed_folder
from vtacli.store.pull import download_folder
from vtacli.store.verify import problems

ROOT = Path(__file__).parent.parent.parent
PUBLISHED = {
    "pytorch_model_2.bin": ("studio/published", "pytorch_model_2.bin"),
    "summary.jsonl": ("studio/published", "summary.jsonl"),
    "unet_config.json": ("studio/published", "unet_config.json"),
    "clip-vit-large-patch14/config.json": ("openai/clip", "config.json"),
    "clip-vit-large-patch14/vocab.json": ("openai/clip", "vocab.json"),
    "clip-vit-large-patch14/merges.txt": ("openai/clip", "merges.txt"),
    "clip-vit-large-patch14/tokenizer_config.json": ("openai/clip", "tokenizer_config.json"),
}
FIRST_STAGE = "audioldm-s-full.ckpt"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A person without models, whose settings are their own."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    for name in ("VTA_WEIGHTS", "VTA_CATALOG", "VTA_MIRROR", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VTA_WEIGHTS", str(tmp_path / "store"))
    return tmp_path


@pytest.fixture
def library(monkeypatch):
    with serving() as library:
        monkeypatch.setenv("HF_ENDPOINT", library.url)
        yield library


def published(library: Library, catalog: Path, *, commercial: bool = False) -> Path:
    """The published files on the hub and one on another server, and a catalog with their row."""
    rows = [
        "[models.tiny]",
        'title = "The published files, small"',
        'variant = "vta-ldm-base"',
        'form = "published"',
        'licence = "CC-BY-NC-SA-4.0"',
        f"commercial = {str(commercial).lower()}",
    ]
    for path, (repository, name) in PUBLISHED.items():
        library.put_on_hub(repository, name, (REFERENCE / path).read_bytes())
        rows += [
            "[[models.tiny.files]]",
            f'path = "{path}"',
            f'repository = "{repository}"',
            f'name = "{name}"',
        ]
    library.files[f"/{FIRST_STAGE}"] = (REFERENCE / FIRST_STAGE).read_bytes()
    rows += ["[[models.tiny.files]]", f'path = "{FIRST_STAGE}"']
    rows += [f'url = "{library.url}/{FIRST_STAGE}"']
    catalog.write_text("\n".join(rows))
    return catalog


def diffusers(library: Library, catalog: Path, base: str | None = None) -> Path:
    """A model's folder on a plain server, and a catalog with its row."""
    folder = imported("base")
    rows = [
        "[models.tiny]",
        'title = "A folder"',
        'variant = "vta-ldm-base"',
        'form = "folder"',
        'licence = "CC0-1.0"',
        "commercial = true",
    ]
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        library.files[f"/{name}"] = path.read_bytes()
        rows += ["[[models.tiny.files]]", f'path = "{name}"']
        rows += [f'url = "{base or library.url}/{name}"']
    catalog.write_text("\n".join(rows))
    return catalog


def pull(catalog: Path, *more: str) -> int:
    return main(["models", "pull", "tiny", "--catalog", str(catalog), *more])


def answer(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


def leftovers(store: Path) -> list[Path]:
    """Files that are neither a model's nor the store's own few."""
    if not store.exists():
        return []
    own = {store / "pins.json", *(store / ".locks").glob("*")}
    return [p for p in store.rglob("*") if p.is_file() and p not in own]


def test_the_published_files_from_the_hub(home, library, capsys):
    catalog, store = published(library, home / "c.toml"), home / "store"
    assert pull(catalog) == 6  # the licence was not accepted
    said = capsys.readouterr().err
    assert "CC-BY-NC-SA-4.0" in said
    assert "--accept-licence" in said
    assert library.asked == []

    assert pull(catalog, "--accept-licence", "--json") == 0
    first = answer(capsys)
    assert first["folder"] == str(store / "tiny")
    assert first["already"] is False
    assert set(first["pinned_now"]) == {*PUBLISHED, FIRST_STAGE}
    total = sum((REFERENCE / p).stat().st_size for p in [*PUBLISHED, FIRST_STAGE])
    assert first["transferred_bytes"] == total
    assert problems(store / "tiny") == []
    assert leftovers(store) == [p for p in (store / "tiny").rglob("*") if p.is_file()]
    pins = json.loads((store / "pins.json").read_text())["models"]["tiny"]
    assert pins["pytorch_model_2.bin"]["revision"] == COMMIT
    assert pins[FIRST_STAGE]["revision"] is None
    assert all(len(p["sha256"]) == 64 for p in pins.values())

    count = len(library.asked)  # warm: nobody is asked
    assert pull(catalog, "--json") == 0
    assert answer(capsys)["already"] is True
    assert len(library.asked) == count

    # What is on the shelf no more is still pinned, and the list says so.
    (store / "tiny").rename(home / "aside")
    assert main(["models", "list", "--catalog", str(catalog), "--json"]) == 0
    row = next(r for r in answer(capsys)["models"] if r["name"] == "tiny")
    assert (row["state"], row["pinned"], row["size"]) == ("available", True, total)

    # Gone, and fetched again: the licence is not asked for twice, and the pins hold.
    other = bytearray((REFERENCE / FIRST_STAGE).read_bytes())
    other[1000] ^= 1
    library.files[f"/{FIRST_STAGE}"] = bytes(other)
    assert pull(catalog) == 6
    assert "SHA-256" in capsys.readouterr().err
    assert not (store / "tiny").exists()
    library.put_on_hub("studio/published", "summary.jsonl", b"{}")
    assert pull(catalog) == 6
    assert "has bytes 2, not" in capsys.readouterr().err


def test_a_pull_that_meets_every_trouble_that_passes(home, library, capsys):
    catalog = published(library, home / "c.toml", commercial=True)
    model = (REFERENCE / "pytorch_model_2.bin").read_bytes()
    library.errors = {
        cdn_path(model): [cut_at(0.4), say(429, {"Retry-After": "0"}), without_ranges],
        f"/{FIRST_STAGE}": [stall_at(0.1, 3), cut_at(0.4)],
        "/openai/clip/resolve/main/vocab.json": [say(429, {"Retry-After": "0"}), say(503)],
    }
    assert pull(catalog, "--json", "--timeout", "1") == 0, capsys.readouterr().err
    assert answer(capsys)["already"] is False
    assert problems(home / "store" / "tiny") == []
    assert not any(library.errors.values())  # each of them happened


TROUBLES = {
    "wrong length": (6, lambda h: say(200, {"ETag": '"x"'}, b"short")(h)),
    "bit-flip": (6, lambda h: say(200, {}, flipped(h.library.files[h.path]))(h)),
    "web page": (6, say(200, {"Content-Type": "text/html"}, b"<p>Sign in")),
    "404": (5, say(404)),
    "429": (5, say(429, {"Retry-After": "86400"})),
    "503": (5, say(503, {"Retry-After": "0"})),
    "stall": (5, stall_at(0.1, 1.5)),
    "cut": (5, cut_at(0.0)),
}


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_pull_that_fails_leaves_no_model(home, library, capsys, trouble):
    """Of files whose sizes and hashes the hub knows, for the catalog says nothing."""
    code, misbehaviour = TROUBLES[trouble]
    catalog, store = published(library, home / "c.toml", commercial=True), home / "store"
    path = cdn_path((REFERENCE / "pytorch_model_2.bin").read_bytes())
    library.errors[path] = [misbehaviour] * 9
    assert pull(catalog, "--timeout", "0.5", "--tries", "2") == code
    assert installed_folder("tiny") is None
    assert not (store / "pins.json").exists()
    kept = leftovers(store)
    assert all(download_folder(store, "tiny") in p.parents for p in kept)
    assert not (download_folder(store, "tiny") / "pytorch_model_2.bin").exists()
    # what is kept is a part that the next pull goes on from, or nothing
    assert bool(kept) == (trouble in ("stall", "cut"))


@pytest.mark.parametrize(
    ("status", "headers", "code", "said"),
    [
        (404, {"X-Error-Code": "EntryNotFound"}, 5, "no such file"),
        (404, {"X-Error-Code": "RevisionNotFound"}, 5, "no such file"),
        (401, {"X-Error-Code": "RepoNotFound"}, 5, "hf auth login"),
        (403, {"X-Error-Code": "GatedRepo"}, 5, "hf auth login"),
        (429, {"Retry-After": "3600"}, 5, "wait for 3600 s"),
        (500, {}, 5, "the hub answers 500"),
    ],
)
def test_what_the_hub_says_no_to(home, library, capsys, status, headers, code, said):
    catalog = published(library, home / "c.toml", commercial=True)
    path = "/studio/published/resolve/main/pytorch_model_2.bin"
    library.errors[path] = [say(status, headers)] * 9
    assert pull(catalog, "--tries", "1") == code
    assert said in capsys.readouterr().err
    assert leftovers(home / "store") == []


def test_the_hubs_token_stays_with_the_hub(home, library, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    catalog = published(library, home / "c.toml", commercial=True)
    library.errors[f"/{FIRST_STAGE}"] = [say(404)]  # the last file: nothing is installed
    assert pull(catalog) == 5
    sent = {a.path: a.headers.get("Authorization") for a in library.asked}
    hub = [path for path in sent if "/resolve/" in path]
    others = [path for path in sent if "/resolve/" not in path]
    assert {sent[path] for path in hub} == {"Bearer hf_secret"}
    assert len(others) > 2
    assert {sent[path] for path in others} == {None}


@pytest.mark.slow
def test_what_came_and_is_no_model_is_not_pinned(home, library, capsys):
    """Without a hash anywhere only the model itself can say that a file is wrong."""
    catalog, store = diffusers(library, home / "c.toml"), home / "store"
    path = "unet/diffusion_pytorch_model.safetensors"
    library.files[f"/{path}"] = library.files[f"/{path}"][:-10]
    assert pull(catalog) == 6
    assert installed_folder("tiny") is None
    assert not (store / "pins.json").exists()
    assert not (download_folder(store, "tiny") / path).exists()  # so the next pull asks again


def test_a_mirror_on_a_stick_without_a_network(home, library, capsys, monkeypatch):
    catalog = diffusers(library, home / "c.toml", base="https://studio.invalid")
    stick = home / "stick"
    for name, data in library.files.items():
        path = stick / "tiny" / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert pull(catalog) == 5
    assert "HF_HUB_OFFLINE" in capsys.readouterr().err
    # what an older row of that name fetched does not get into the model
    odd = download_folder(home / "store", "tiny") / "unet" / "odd.json"
    odd.parent.mkdir(parents=True)
    odd.write_text("{}")
    assert pull(catalog, "--mirror", stick.as_uri(), "--json") == 0, capsys.readouterr().err
    assert answer(capsys)["transferred_bytes"] == sum(map(len, library.files.values()))
    assert not (home / "store" / "tiny" / "unet" / "odd.json").exists()
    assert library.asked == []


def test_names_and_addresses_that_are_wrong(home, library, capsys):
    catalog = diffusers(library, home / "c.toml", base="http://studio.invalid")
    assert pull(catalog) == 2
    assert "--allow-http" in capsys.readouterr().err
    assert main(["models", "pull", "tinny", "--catalog", str(catalog)]) == 5
    assert "Did you mean tiny?" in capsys.readouterr().err
    assert main(["models", "pull", "tiny", "--catalog", str(home / "none.toml")]) == 2
    assert pull(catalog, "--tries", "0") == 2


def test_what_is_shipped_is_here(home, library, capsys):
    assert main(["models", "pull", "vta-mini", "--json"]) == 0
    assert answer(capsys)["already"] is True
    assert library.asked == []


PULLER = (
    "import sys, pathlib\n"
    "from vtacli.cli.main import main\n"
    "sys.exit(main(['models', 'pull', 'tiny', '--catalog', sys.argv[1], '--progress', 'none']))\n"
)


def puller(catalog: Path, **more: object) -> subprocess.Popen:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PULLER, str(catalog)]
    return subprocess.Popen(command, env=environ, **more)


def test_ten_pullers_make_one_transfer(home, library):
    catalog = diffusers(library, home / "c.toml")
    library.bytes_per_s = 20e6
    began = [puller(catalog) for _ in range(10)]
    assert [p.wait(120) for p in began] == [0] * 10
    assert problems(home / "store" / "tiny") == []
    for path, data in library.files.items():
        assert [a.sent for a in library.of(path)] == [len(data)]


def assert_right(made: Path) -> None:
    """What verify accepts is, byte for byte, what it should be."""
    assert problems(made) == []
    theirs = imported("base")
    for path in theirs.rglob("*.safetensors"):
        assert (made / path.relative_to(theirs)).read_bytes() == path.read_bytes()


def killed_at_random_moments(home: Path, library: Library, times: int, longest_s: float) -> None:
    catalog, store = diffusers(library, home / "c.toml"), home / "store"
    library.bytes_per_s = 8e6
    draw = random.Random(3)
    for _ in range(times):
        process = puller(catalog, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(draw.uniform(0.2, longest_s))
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = installed_folder("tiny")
        if found is not None:  # whole, or not there at all
            assert_right(found)
            found.rename(home / f"done-{time.monotonic_ns()}")
    assert puller(catalog).wait(120) == 0
    assert_right(store / "tiny")


def test_killed_at_random_moments(home, library):
    killed_at_random_moments(home, library, 3, 3.0)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_at_many_random_moments(home, library):
    killed_at_random_moments(home, library, 40, 7.0)


def test_ctrl_c_keeps_what_came(home, library):
    catalog, store = diffusers(library, home / "c.toml"), home / "store"
    library.bytes_per_s = 2e6
    process = puller(catalog, stderr=subprocess.PIPE)
    while not list(store.rglob("*.part")):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert process.stderr is not None
    assert "Stopped" in process.stderr.read().decode()
    assert installed_folder("tiny") is None


def test_the_catalog_that_is_shipped():
    from vtacli.store.catalog import shipped_catalog

    rows = read_catalog([shipped_catalog()])
    assert set(rows) == {"vta-mini", "vta-ldm-clip4clip-v-large"}
    mini, large = rows["vta-mini"], rows["vta-ldm-clip4clip-v-large"]
    assert mini.commercial
    assert not mini.files
    assert not large.commercial
    assert large.licence == large.facts.licence
    assert mini.licence == mini.facts.licence
    assert {f.path for f in large.files} >= {"pytorch_model_2.bin", FIRST_STAGE, "summary.jsonl"}
    assert {p.licence for p in large.parts} == {"CC-BY-4.0", "CC-BY-NC-SA-4.0", "MIT"}
    assert mini.capabilities == ("picture", "text", "motion", "hits", "order", "references")
