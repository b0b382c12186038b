"""A file comes whole and right, or does not come: against a real server that misbehaves."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from weights_server import Library, cut_at, say, serving, stall_at, without_ranges

from vtacli.errors import ConfigError, StorageError, WeightsMissing, WeightsRefused
from vtacli.progress import Step
from vtacli.store import connection
from vtacli.store.transfer import Patience, fetch, part_of

DATA = random.Random(1).randbytes(300_000)
SHA = hashlib.sha256(DATA).hexdigest()
WAITS: list[float] = []
QUICK = Patience(stall_s=0.5, tries=4, wait_s=0.01, longest_wait_s=60, sleep=WAITS.append)
ONCE = Patience(stall_s=0.5, tries=1, sleep=WAITS.append)


@pytest.fixture
def library():
    WAITS.clear()
    with serving(Library(files={"/w.bin": DATA})) as library:
        yield library


def got(library: Library, target: Path, patience: Patience = QUICK, **known):
    return fetch(f"{library.url}/w.bin", target, patience=patience, **known)


def nothing_of(folder: Path) -> bool:
    return not folder.exists() or not any(folder.iterdir())


def test_cold_then_warm(library, tmp_path):
    events = []
    target = tmp_path / "a" / "w.bin"
    cold = got(library, target, size=len(DATA), sha256=SHA, report=events.append)
    assert (cold.size, cold.sha256, cold.transferred) == (len(DATA), SHA, len(DATA))
    assert target.read_bytes() == DATA
    assert list(target.parent.iterdir()) == [target]
    last = [e for e in events if isinstance(e, Step)][-1]
    assert last.done == last.total == len(DATA)
    assert got(library, target, size=len(DATA), sha256=SHA).transferred == 0
    assert len(library.asked) == 1


def test_a_target_that_is_damaged_is_fetched_again(library, tmp_path):
    target = tmp_path / "w.bin"
    target.write_bytes(DATA[:-1] + bytes([DATA[-1] ^ 1]))
    assert got(library, target, sha256=SHA).transferred == len(DATA)
    assert target.read_bytes() == DATA


@pytest.mark.parametrize("sha256", [SHA, None])
def test_broken_at_40_percent_and_resumed(library, tmp_path, sha256):
    library.errors["/w.bin"] = [cut_at(0.4)]
    assert got(library, tmp_path / "w.bin", sha256=sha256).sha256 == SHA
    assert library.sent("/w.bin") == len(DATA)  # no byte came twice
    assert library.asked[1].headers["Range"] == f"bytes={len(DATA) * 4 // 10}-"


@pytest.mark.parametrize("sha256", [SHA, None])
def test_a_pull_that_gave_up_is_gone_on_with_later(library, tmp_path, sha256):
    library.errors["/w.bin"] = [cut_at(0.4)]
    with pytest.raises(WeightsMissing, match="goes on from there"):
        got(library, tmp_path / "w.bin", ONCE, sha256=sha256)
    assert not (tmp_path / "w.bin").exists()
    assert got(library, tmp_path / "w.bin", ONCE, sha256=sha256).sha256 == SHA
    assert library.sent("/w.bin") == len(DATA)


def test_a_server_that_ignores_ranges(library, tmp_path):
    library.errors["/w.bin"] = [cut_at(0.4), without_ranges]
    assert got(library, tmp_path / "w.bin", sha256=SHA).sha256 == SHA
    assert library.asked[1].headers["Range"]
    assert library.asked[1].status == 200


def test_a_file_that_changes_between_the_pieces_is_never_mixed(library, tmp_path):
    other = random.Random(2).randbytes(len(DATA))
    library.errors["/w.bin"] = [cut_at(0.4)]
    with pytest.raises(WeightsMissing):
        got(library, tmp_path / "w.bin", ONCE)
    library.files["/w.bin"] = other
    assert got(library, tmp_path / "w.bin", ONCE).sha256 == hashlib.sha256(other).hexdigest()


def test_pieces_that_do_not_fit_are_fetched_anew(library, tmp_path):
    # this server heeds no If-Range: the rest of another file comes as if it were the same
    library.errors["/w.bin"] = [cut_at(0.4)]
    with pytest.raises(WeightsMissing):
        got(library, tmp_path / "w.bin", ONCE, sha256=SHA)
    part = part_of(tmp_path / "w.bin")
    part.write_bytes(bytes(len(part.read_bytes())))
    library.errors["/w.bin"] = [lambda h: h.whole(heed_if_range=False)]
    assert got(library, tmp_path / "w.bin", sha256=SHA).sha256 == SHA


def test_nothing_is_left_beside_what_was_named(library, tmp_path):
    target = tmp_path / "w.bin"
    target.write_bytes(DATA)
    (tmp_path / "w.bin.part.json").write_text("{}")  # killed just after the naming
    assert got(library, target, sha256=SHA).transferred == 0
    assert list(tmp_path.iterdir()) == [target]


def test_a_part_without_its_note_is_not_trusted(library, tmp_path):
    part_of(tmp_path / "w.bin").write_bytes(bytes(1000))
    assert got(library, tmp_path / "w.bin").sha256 == SHA
    assert "Range" not in library.asked[0].headers


def test_what_was_complete_but_had_no_name_yet(library, tmp_path):
    library.errors["/w.bin"] = [cut_at(0.4)]
    with pytest.raises(WeightsMissing):
        got(library, tmp_path / "w.bin", ONCE)
    part_of(tmp_path / "w.bin").write_bytes(DATA)
    assert got(library, tmp_path / "w.bin", ONCE).transferred == 0
    assert library.asked[-1].status == 416
    assert (tmp_path / "w.bin").read_bytes() == DATA


@pytest.mark.parametrize("wrong", [-1, 1])
def test_another_length_is_refused_before_it_comes(library, tmp_path, wrong):
    with pytest.raises(WeightsRefused, match=f"not {len(DATA) + wrong}"):
        got(library, tmp_path / "w.bin", size=len(DATA) + wrong)
    assert nothing_of(tmp_path)


def test_a_length_that_is_never_reached(library, tmp_path):
    library.errors["/w.bin"] = [cut_at(0.0)] * 9
    with pytest.raises(WeightsMissing, match="ended after 0 of"):
        got(library, tmp_path / "w.bin")
    assert not (tmp_path / "w.bin").exists()
    assert len(library.asked) == QUICK.tries


def test_no_length_at_all_is_refused_unless_the_hash_is_known(library, tmp_path):
    def endless(handler):
        handler.begin(200, {"Connection": "close"}, None)
        handler.body(DATA)
        handler.hang_up()

    library.errors["/w.bin"] = [endless, endless]
    with pytest.raises(WeightsRefused, match="how long"):
        got(library, tmp_path / "w.bin")
    assert nothing_of(tmp_path)
    assert got(library, tmp_path / "w.bin", sha256=SHA).sha256 == SHA


def test_a_flipped_bit_of_the_same_size(library, tmp_path):
    library.files["/w.bin"] = DATA[:1000] + bytes([DATA[1000] ^ 4]) + DATA[1001:]
    with pytest.raises(WeightsRefused, match=r"SHA-256"):
        got(library, tmp_path / "w.bin", size=len(DATA), sha256=SHA)
    assert nothing_of(tmp_path)


@pytest.mark.parametrize(
    ("kind", "page"),
    [("text/html; charset=utf-8", b"Sign in"), ("application/octet-stream", b"\n<!DOCTYPE html>")],
)
def test_a_web_page_with_status_200(library, tmp_path, kind, page):
    library.errors["/w.bin"] = [say(200, {"Content-Type": kind}, page)]
    with pytest.raises(WeightsRefused, match="web page"):
        got(library, tmp_path / "w.bin")
    assert nothing_of(tmp_path)


def test_a_pointer_in_place_of_the_file(library, tmp_path):
    library.files["/w.bin"] = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    with pytest.raises(WeightsRefused, match="LFS pointer"):
        got(library, tmp_path / "w.bin")
    assert nothing_of(tmp_path)


def test_an_empty_file(library, tmp_path):
    library.files["/w.bin"] = b""
    with pytest.raises(WeightsRefused, match="empty"):
        got(library, tmp_path / "w.bin")
    assert nothing_of(tmp_path)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_is_not_there_is_asked_for_once(library, tmp_path, status):
    library.errors["/w.bin"] = [say(status)]
    with pytest.raises(WeightsMissing, match=str(status)):
        got(library, tmp_path / "w.bin")
    assert nothing_of(tmp_path)
    assert len(library.asked) == 1


def test_429_waits_as_long_as_it_is_asked_to(library, tmp_path):
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    library.errors["/w.bin"] = [
        say(429, {"Retry-After": "7"}),
        say(429, {"Retry-After": when}),
        say(503),
    ]
    assert got(library, tmp_path / "w.bin").sha256 == SHA
    assert WAITS[0] == 7
    assert 15 < WAITS[1] <= 20
    assert WAITS[2] < 1


def test_429_for_an_hour_is_said_and_not_waited_for(library, tmp_path):
    library.errors["/w.bin"] = [say(429, {"Retry-After": "3600"})]
    with pytest.raises(WeightsMissing, match="wait for 3600 s"):
        got(library, tmp_path / "w.bin")
    assert WAITS == []


def test_a_stall_ends_and_is_gone_on_with(library, tmp_path):
    library.errors["/w.bin"] = [stall_at(0.3, 3)]
    began = time.monotonic()
    with pytest.raises(WeightsMissing, match=r"nothing came for 0\.5 s"):
        got(library, tmp_path / "w.bin", ONCE)
    assert time.monotonic() - began < 2.5
    assert got(library, tmp_path / "w.bin", ONCE).sha256 == SHA
    assert library.asked[1].headers["Range"] == f"bytes={len(DATA) * 3 // 10}-"


def test_a_drip_is_a_stall(library, tmp_path):
    library.bytes_per_s = 50
    with pytest.raises(WeightsMissing, match=r"only \d+ bytes in"):
        got(library, tmp_path / "w.bin", ONCE)


def test_nobody_there(tmp_path):
    with serving() as library:
        pass
    with pytest.raises(WeightsMissing, match="cannot be reached"):
        got(library, tmp_path / "w.bin")
    assert nothing_of(tmp_path)


def test_plain_http_is_for_this_machine_alone(tmp_path):
    for url in (
        "http://example.invalid/w",
        "https://me:secret@example.invalid/w",
        "ftp://example.invalid/w",
        "https://",
        "w.bin",
    ):
        with pytest.raises(ConfigError):
            fetch(url, tmp_path / "w", patience=ONCE)
    connection.check_url("http://[::1]:8000/w")
    connection.check_url("http://example.invalid/w", allow_http=True)


@pytest.mark.parametrize(
    ("first", "onward"),
    [
        ("https://a.invalid/w", "http://a.invalid/w"),
        ("https://a.invalid/w", "file:///etc/passwd"),
        ("https://a.invalid/w", "https://127.0.0.1/w"),
        ("http://127.0.0.1/w", "http://a.invalid/w"),
        ("https://a.invalid/w", "https://[x"),
    ],
)
def test_redirects_that_are_not_followed(first, onward):
    with pytest.raises(WeightsRefused):
        connection._check_redirect(first, onward, False)


def test_a_redirect_to_the_disk_is_refused(library, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    library.errors["/w.bin"] = [say(302, {"Location": secret.as_uri()})]
    with pytest.raises(WeightsRefused, match="not followed"):
        got(library, tmp_path / "w.bin")


def test_a_redirect_to_an_address_that_is_not_ascii(library, tmp_path):
    library.files["/m%C3%B6ved%20w"] = DATA
    library.errors["/w.bin"] = [say(302, {"Location": "/möved w".encode().decode("latin-1")})]
    assert got(library, tmp_path / "w.bin").sha256 == SHA


def test_what_broke_off_at_one_server_goes_on_at_another(library, tmp_path):
    library.errors["/w.bin"] = [cut_at(0.4)]
    with pytest.raises(WeightsMissing):
        got(library, tmp_path / "w.bin", ONCE, sha256=SHA)
    stick = tmp_path / "stick.bin"
    stick.write_bytes(DATA)
    made = fetch(stick.as_uri(), tmp_path / "w.bin", sha256=SHA)
    assert made.transferred == len(DATA) - len(DATA) * 4 // 10
    assert made.path.read_bytes() == DATA


def test_redirects_end(library, tmp_path):
    library.errors["/w.bin"] = [say(302, {"Location": "/w.bin"})] * 20
    with pytest.raises(WeightsRefused, match="on and on"):
        got(library, tmp_path / "w.bin")


def test_a_secret_goes_to_its_host_alone(library, tmp_path):
    elsewhere = library.url.replace("127.0.0.1", "localhost")
    library.files["/moved"] = DATA
    library.errors["/w.bin"] = [say(302, {"Location": f"{elsewhere}/moved"})]
    fetch(f"{library.url}/w.bin", tmp_path / "w", secret={"Authorization": "Bearer x"})
    assert [a.headers.get("Authorization") for a in library.asked] == ["Bearer x", None]


def test_files_of_this_machine(tmp_path):
    there = tmp_path / "a b%.bin"
    there.write_bytes(DATA)
    assert fetch(there.as_uri(), tmp_path / "w.bin", sha256=SHA).transferred == len(DATA)
    with pytest.raises(WeightsMissing):
        fetch((tmp_path / "none").as_uri(), tmp_path / "x", patience=ONCE)
    os.mkfifo(tmp_path / "fifo")
    for odd in (tmp_path / "fifo", tmp_path):
        with pytest.raises(WeightsRefused, match="regular"):
            fetch(odd.as_uri(), tmp_path / "x", patience=ONCE)


def test_the_disk_is_looked_at_first(library, tmp_path):
    def vast(handler):
        handler.begin(200, {}, 10**18)

    library.errors["/w.bin"] = [vast]
    with pytest.raises(StorageError, match="free"):
        got(library, tmp_path / "w.bin")
    assert nothing_of(tmp_path)


def test_a_write_that_fails(library, tmp_path):
    """A file may not grow beyond 100,000 bytes in that process: as on a full disk."""
    program = (
        "import resource, signal, sys, pathlib\n"
        "from vtacli.store.transfer import fetch\n"
        "from vtacli.errors import StorageError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: fetch(sys.argv[1], pathlib.Path(sys.argv[2]))\n"
        "except StorageError as error: sys.exit(error.exit_code)\n"
    )
    target = tmp_path / "w.bin"
    command = [sys.executable, "-c", program, f"{library.url}/w.bin", str(target)]
    assert subprocess.run(command).returncode == 8
    assert not target.exists()
    assert got(library, target, sha256=SHA).sha256 == SHA


def test_a_server_that_never_gets_further_is_given_up(library, tmp_path):
    """Each try brings megabytes, and begins anew."""
    library.files["/w.bin"] = large = DATA * 10

    def without_end(handler):
        handler.begin(200, {"ETag": '"a"'}, len(large))
        handler.body(large[:-1])
        handler.hang_up()

    library.errors["/w.bin"] = [without_end] * 20
    with pytest.raises(WeightsMissing):
        got(library, tmp_path / "w.bin")
    assert len(library.asked) <= QUICK.tries + 1


FETCHER = (
    "import sys, pathlib\n"
    "from vtacli.store.transfer import fetch\n"
    "fetch(sys.argv[1], pathlib.Path(sys.argv[2]), sha256=sys.argv[3] or None)\n"
)


@pytest.mark.parametrize("known", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_killed_at_random_moments(library, tmp_path, known):
    """Fifteen kills: under its name the file is whole, and the next process goes on."""
    library.files["/w.bin"] = large = DATA * 10
    library.bytes_per_s = 4e6
    digest = hashlib.sha256(large).hexdigest()
    draw = random.Random(5)
    whole = 0
    for number in range(15):
        target = tmp_path / f"{number // 5}.bin"
        command = [sys.executable, "-c", FETCHER, f"{library.url}/w.bin", str(target)]
        process = subprocess.Popen([*command, digest if known else ""])
        time.sleep(draw.uniform(0.1, 0.9))
        process.kill()
        process.wait()
        if target.exists():
            assert target.read_bytes() == large
            whole += 1
    library.bytes_per_s = None
    for number in range(3):
        target = tmp_path / f"{number}.bin"
        fetch(f"{library.url}/w.bin", target, sha256=digest if known else None)
        assert target.read_bytes() == large
    assert any("Range" in a.headers for a in library.asked)
    assert whole < 15


failures = st.lists(
    st.one_of(
        st.floats(0, 1).map(cut_at),
        st.sampled_from([429, 500, 503]).map(say),
        st.just(without_ranges),
    ),
    max_size=6,
)


@settings(max_examples=40)
@given(failures=failures, known=st.booleans(), tries=st.integers(1, 8))
def test_whatever_fails_the_file_is_right_or_absent(failures, known, tries, tmp_path_factory):
    target = tmp_path_factory.mktemp("any") / "w.bin"
    patience = Patience(stall_s=1, tries=tries, wait_s=0, sleep=lambda s: None)
    with serving(Library(files={"/w.bin": DATA}, errors={"/w.bin": list(failures)})) as library:
        for _ in range(8):
            try:
                got(library, target, patience, sha256=SHA if known else None)
                break
            except WeightsMissing:
                assert not target.exists()
    assert target.read_bytes() == DATA
    assert list(target.parent.iterdir()) == [target]
