"""Archives: what comes out stays in its folder, and only what belongs there comes out."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from vtacli.errors import WeightsRefused
from vtacli.store.archives import MOST_MEMBERS, is_archive, unpack


def tar(path: Path, *members, mode: str = "w") -> Path:
    """``members``: names with bytes, or ready TarInfos."""
    with tarfile.open(path, mode) as opened:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                opened.addfile(member)
                continue
            name, data = member
            info = tarfile.TarInfo(name)
            info.size = len(data)
            opened.addfile(info, io.BytesIO(data))
    return path


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def zipped(path: Path, *members) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in members:
            opened.writestr(name, data)
    return path


def everything(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip"])
def test_files_come_out_as_they_went_in(tmp_path, ending):
    members = [("m/a.json", b"{}"), ("m/unet/w.bin", os.urandom(5000))]
    path = tmp_path / f"model{ending}"
    if ending == ".zip":
        zipped(path, *members)
    else:
        tar(path, *members, mode="w:" + {"tgz": "gz"}.get(ending[1:], ending[5:] or ""))
    assert is_archive(path)
    out = unpack(path, tmp_path / "out")
    assert out == tmp_path / "out" / "m"
    assert everything(out) == {"a.json": b"{}", "unet/w.bin": members[1][1]}


@pytest.mark.parametrize(
    "name",
    [
        "../out.json",
        "a/../../out.json",
        "/etc/out.json",
        "a/..",
        "C:\\x.json",
        "a\\..\\..\\x",
        "a:b",
    ],
)
@pytest.mark.parametrize("pack", [tar, zipped])
def test_no_name_leaves_the_folder(tmp_path, name, pack):
    path = pack(tmp_path / ("x.zip" if pack is zipped else "x.tar"), (name, b"no"))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(WeightsRefused):
        unpack(path, tmp_path / "in" / "out")
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "in"])
    assert everything(tmp_path / "in") == {}


@pytest.mark.parametrize(
    "member",
    [
        special("link.json", tarfile.SYMTYPE, "/etc/passwd"),
        special("link.json", tarfile.SYMTYPE, "a.json"),
        special("link.json", tarfile.LNKTYPE, "a.json"),
        special("pipe.json", tarfile.FIFOTYPE),
        special("null.json", tarfile.CHRTYPE),
        special("disk.json", tarfile.BLKTYPE),
    ],
)
def test_links_and_devices_are_refused(tmp_path, member):
    path = tar(tmp_path / "x.tar", ("a.json", b"{}"), member)
    with pytest.raises(WeightsRefused, match="neither a file nor a folder"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out" / member.name).exists()


def test_a_link_in_a_zip_is_refused(tmp_path):
    info = zipfile.ZipInfo("link.json")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as opened:
        opened.writestr(info, "/etc/passwd")
    with pytest.raises(WeightsRefused, match="neither"):
        unpack(tmp_path / "x.zip", tmp_path / "out")


def test_a_bomb_is_not_unpacked(tmp_path):
    zeros = [(f"{i}.bin", bytes(20 << 20)) for i in range(4)]
    for path in (zipped(tmp_path / "x.zip", *zeros), tar(tmp_path / "x.tgz", *zeros, mode="w:gz")):
        out = tmp_path / path.suffix[1:]
        assert path.stat().st_size < 200_000
        with pytest.raises(WeightsRefused, match="grow"):
            unpack(path, out)
        assert sum(p.stat().st_size for p in out.rglob("*.bin")) <= 80 << 20


def test_a_size_that_lies_is_found_out(tmp_path):
    path = zipped(tmp_path / "x.zip", ("a.bin", bytes(100_000)))
    raw = path.read_bytes()
    lying = raw.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != raw
    path.write_bytes(lying)
    with pytest.raises(WeightsRefused):
        unpack(path, tmp_path / "out")


def test_a_name_twice_is_refused(tmp_path):
    path = tar(tmp_path / "x.tar", ("a.json", b"1"), ("a.json", b"2"))
    with pytest.raises(WeightsRefused, match="twice"):
        unpack(path, tmp_path / "out")
    path = tar(tmp_path / "y.tar", ("a.json", b"1"), ("a.json/b.json", b"2"))
    with pytest.raises(WeightsRefused, match="twice"):
        unpack(path, tmp_path / "two")


def test_too_many_files_are_refused(tmp_path):
    path = tar(tmp_path / "x.tar", *((f"{i}.json", b"") for i in range(MOST_MEMBERS + 1)))
    with pytest.raises(WeightsRefused, match="more than"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".zip"])
def test_what_is_cut_off_is_refused(tmp_path, ending):
    path = tmp_path / f"x{ending}"
    data = ("a.bin", os.urandom(50_000))
    if ending == ".zip":
        zipped(path, data)
    else:
        tar(path, data, mode="w:gz" if ending == ".tar.gz" else "w")
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(WeightsRefused):
        unpack(path, tmp_path / "out")


def test_other_bytes_are_no_archive(tmp_path):
    for name in ("x.tar", "x.zip", "x.tar.gz"):
        (tmp_path / name).write_bytes(b"hello, this is no archive at all" * 40)
        with pytest.raises(WeightsRefused):
            unpack(tmp_path / name, tmp_path / f"out-{name}")
    assert not is_archive(Path("pytorch_model_2.bin"))
