"""stdout is the answer, stderr the conversation; both are interfaces."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest
from commands import FAKE, REAL, environment, vta


def test_help_fits_one_screen_and_needs_nothing():
    said = vta("--help")
    assert said.code == 0
    assert said.err == ""
    lines = said.out.strip("\n").splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    for command in ("generate", "plan", "probe", "doctor", "train"):
        assert command in said.out
        inner = vta(command, "--help")
        assert inner.code == 0
        assert f"vta {command}" in inner.out.split("Options")[0].split("Usage", 1)[1][20:]


def test_the_version_is_one_line():
    from vtacli import __version__

    assert vta("--version").out == f"vta {__version__}\n"


def test_without_arguments_the_help_is_shown():
    said = vta()
    assert said.code == 2
    assert "Usage" in said.out + said.err
    assert "vta: " not in said.err


@pytest.mark.parametrize("command", [["--help"], ["plan", "FILM"], ["probe", "FILM"]])
def test_no_torch_where_nothing_is_generated(command, long_film, tmp_path):
    weights = tmp_path / "vta-mini"
    weights.mkdir()
    (weights / "model_index.json").write_text(
        json.dumps({"_class_name": "VtaPipeline", "variant": "vta-mini"})
    )
    arguments = [str(long_film) if a == "FILM" else a for a in command]
    code = (
        "import sys; from vtacli.cli.main import main; "
        f"code = main({arguments!r}); "
        "heavy = {'torch', 'transformers', 'diffusers', 'moviepy'} & set(sys.modules); "
        "print('HEAVY', sorted(heavy), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(VTA_WEIGHTS=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "HEAVY []" in done.stderr


def test_plan_writes_nothing_and_says_what_will_be(sounding_film, tmp_path):
    said = vta("plan", sounding_film, "-o", tmp_path / "o.mp4", "--json", program=FAKE)
    assert said.code == 0, said.err
    assert not list(tmp_path.iterdir())
    plan = said.answer
    assert set(plan) == {
        "film",
        "output",
        "audio",
        "codec",
        "kept",
        "lost",
        "replaced",
        "warnings",
        "model",
        "licence",
        "steps",
        "quality",
        "scenes",
        "windows",
        "cost",
        "mixdown",
        "options",
    }
    assert plan["audio"] == "mix"
    assert plan["scenes"][0]["start_s"] == 0
    assert plan["scenes"][-1]["exact"][1] == plan["film"]["duration_exact"] == "3003/1000"
    assert [k["kind"] for k in plan["kept"]] == ["video", "audio"]


def test_plan_and_dry_run_are_the_same(silent_film, tmp_path):
    common = [silent_film, "-o", tmp_path / "o.mp4", "--json"]
    dry = vta("generate", *common, "--dry-run", program=FAKE)
    plan = vta("plan", *common, program=FAKE)
    assert dry.answer == plan.answer
    assert not list(tmp_path.iterdir())


def test_plan_for_a_person(long_film, tmp_path):
    said = vta("plan", long_film, "-o", tmp_path / "o.mp4", program=FAKE)
    assert "0:00:13.0" in said.out
    assert "2 scenes, 4 windows" in said.out
    assert "\x1b" not in said.out + said.err


def test_plan_shows_the_guess_the_words_and_the_hits(long_film, tmp_path):
    hits = tmp_path / "hits.csv"
    hits.write_text("1.0\n2.5\n14.0\n")
    common = [long_film, "-o", tmp_path / "o.mp4", "--hits", hits]
    said = vta("plan", *common, "--guess", program=FAKE)
    assert said.code == 0, said.err
    for scene in (1, 2):
        assert f"scene {scene} looks like: " in said.out
    assert "lamp hum ." in said.out
    rows = [line.split() for line in said.out.splitlines() if line.endswith((" 2", " 1"))]
    assert [row[-1] for row in rows if len(row) == 7] == ["2", "1"]
    plan = vta("plan", *common, "--guess", "--json", program=FAKE).answer
    for scene in plan["scenes"]:
        seen = {s["what"]: s for s in scene["guess"]["seen"]}
        assert seen["lamp"]["sound"] == "lamp hum"
        assert sum(s["probability"] for s in seen.values()) == pytest.approx(1, abs=2e-3)
        assert scene["guess"]["sounds"][0]["phrase"] == "lamp hum"
    assert plan["options"]["hits"] == str(hits)
    assert [p.name for p in tmp_path.iterdir()] == ["hits.csv"]
    unasked = vta("plan", *common, "--prompt", "rain", "--json", program=FAKE).answer
    assert [s["guess"] for s in unasked["scenes"]] == [None, None]
    assert unasked["options"]["prompt"] == "rain"


def test_probe_as_json(sounding_film):
    film = vta("probe", sounding_film, "--json").answer
    assert film["frame_rate"] == "30000/1001"
    assert film["duration_exact"] == "3003/1000"
    assert [s["kind"] for s in film["streams"]] == ["video", "audio"]


def test_the_answer_of_generate_is_one_object(silent_film, tmp_path):
    out = tmp_path / "o.mp4"
    said = vta("generate", silent_film, "-o", out, "--json", "-q", "--seed", 5, program=FAKE)
    assert said.code == 0
    assert said.err == ""
    assert said.answer["seed"] == 5
    assert said.answer["samples"] == 96_000
    assert out.is_file()


def test_progress_as_json_lines(silent_film, tmp_path):
    arguments = [silent_film, "-o", tmp_path / "o.mp4", "--progress", "json"]
    said = vta("generate", *arguments, program=FAKE)
    events = [json.loads(line) for line in said.err.splitlines()]
    steps = [e for e in events if e["event"] == "step"]
    assert {tuple(e) for e in steps} == {("event", "stage", "done", "total", "detail")}
    stages = list(dict.fromkeys(e["stage"] for e in steps))
    assert stages[:3] == ["decode", "load", "generate"]
    generated = [e["done"] for e in steps if e["stage"] == "generate"]
    assert generated == sorted(generated)
    assert generated[-1] == 1
    failed = vta("generate", *arguments, program=FAKE)
    assert json.loads(failed.err.splitlines()[-1]) == {
        "event": "error",
        "code": 4,
        "text": f"{tmp_path}/o.mp4: The output exists. Choose another name, or pass --overwrite.",
    }


def test_plain_stages_where_there_is_no_terminal(silent_film, tmp_path):
    said = vta("generate", silent_film, "-o", tmp_path / "o.mp4", program=FAKE)
    assert "generate …" in said.err.splitlines()
    assert "\x1b" not in said.out + said.err


def test_a_bar_with_the_time_left_where_there_is_one(silent_film, tmp_path):
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [
            *FAKE,
            "generate",
            str(silent_film),
            "-o",
            str(tmp_path / "o.mp4"),
            "--model",
            "fake-slow",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment(TERM="xterm-256color", COLUMNS="100"),
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # the other end is closed
        pass
    assert child.wait(timeout=240) == 0
    text = shown.decode()
    assert "\x1b[" in text
    for word in ("decode", "generate", "write", "100%", "step 2 of 3"):
        assert word in text


def test_quiet_plain_and_verbose(silent_film, tmp_path):
    def words(*flags):
        arguments = [silent_film, "-o", tmp_path / "o.mp4", "--overwrite", *flags]
        return vta("generate", *arguments, program=FAKE).err

    assert words("-q") == ""
    plain = words()
    assert "generate …" in plain
    assert "took" not in plain
    assert "generate took" in words("-v")


def test_no_line_of_the_answer_is_wrapped_or_padded(silent_film, tmp_path):
    deep = tmp_path / ("long-name-" * 20) / "o.mp4"
    deep.parent.mkdir()
    said = vta("generate", silent_film, "-o", deep, program=FAKE)
    assert f"output     {deep}\n" in said.out
    assert all(line == line.rstrip() for line in said.out.splitlines())


def test_a_bug_is_a_sentence_and_a_traceback_on_request(silent_film, tmp_path):
    code = (
        "import sys; from vtacli.cli.main import main\n"
        "def find(*_, **__): raise KeyError('surprise')\n"
        f"sys.exit(main(['generate', {str(silent_film)!r}], find_model=find))"
    )
    for debug in ("", "1"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment(VTA_DEBUG=debug),
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 1
        assert "vta: This is a bug in vta (KeyError: 'surprise')." in done.stderr
        assert ("Traceback" in done.stderr) == bool(debug)


def test_a_reader_that_leaves_is_no_error(long_film):
    done = subprocess.run(
        f"{' '.join(REAL)} probe '{long_film}' | true",
        shell=True,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.stderr == ""


def test_completion_knows_the_commands():
    said = vta(_VTA_COMPLETE="complete_bash", COMP_WORDS="vta pl", COMP_CWORD="1")
    assert said.out.split() == ["plan"]


def test_doctor_reports_what_it_finds():
    said = vta("doctor", "--json", "--model", "nope", "-q", VTA_WEIGHTS="/nonexistent")
    assert said.code == 10
    checks = {c["name"]: c for c in said.answer["checks"]}
    assert {"python", "packages", "ffmpeg", "devices", "disk", "weights"} <= set(checks)
    assert checks["ffmpeg"]["ok"]
    assert not checks["weights"]["ok"]
    assert not said.answer["ok"]


def test_doctor_makes_half_a_second_of_sound():
    said = vta("doctor", "--json", "-q", program=FAKE)
    sound = {c["name"]: c for c in said.answer["checks"]}["sound"]
    assert sound["ok"], sound
