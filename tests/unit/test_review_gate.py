"""Who may talk to the review server, which bytes they get, and in which order things are done."""

from __future__ import annotations

import threading
import time
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtacli.errors import ConfigError, LockHeld
from vtacli.progress import Step
from vtacli.review import jobs as jobs_module
from vtacli.review.gate import Gate
from vtacli.review.jobs import Jobs
from vtacli.review.ranges import Unsatisfiable, wanted_bytes

GATE = Gate(8700, "right-token")
OWN = {
    "Host": "127.0.0.1:8700",
    "Origin": "http://127.0.0.1:8700",
    "Cookie": "vta-review-8700=right-token",
    "Sec-Fetch-Site": "same-origin",
}


def headers(**changed: str | None) -> Message:
    made = Message()
    for name, value in {**OWN, **{k.replace("_", "-"): v for k, v in changed.items()}}.items():
        if value is not None:
            made[name] = value
    return made


def test_its_own_page_may_do_everything() -> None:
    assert GATE.refusal(headers(), changes=True) == ""
    assert GATE.refusal(headers(Origin=None), changes=False) == ""
    other_name = headers(Host="localhost:8700", Origin="http://localhost:8700")
    assert GATE.refusal(other_name, changes=True) == ""
    odd = 'session={"a": [1, 2]}; =; x; a=b; vta-review-9999=other; '
    shared = headers(Cookie=odd + "vta-review-8700=right-token")
    assert GATE.refusal(shared, changes=True) == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"Host": "evil.example:8700"},  # DNS rebinding
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:8701"},
        {"Host": None},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:8701"},  # another server on this machine
        {"Origin": "http://localhost:8700"},  # its own, by another name than the host's
        {"Origin": "null"},
        {"Origin": None},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Cookie": None},
        {"Cookie": "vta-review-8700=wrong"},
        {"Cookie": "vta-review-8700="},
        {"Cookie": "vta-review-8701=right-token"},
        {"Cookie": "vta-review-8700=right-tokens"},
    ],
)
def test_nobody_else_changes_anything(changed: dict[str, str | None]) -> None:
    assert GATE.refusal(headers(**changed), changes=True)
    if "Origin" not in changed or changed["Origin"] is not None:
        assert GATE.refusal(headers(**changed), changes=False)


def test_a_token_is_new_each_time_and_is_not_shown() -> None:
    tokens = {Gate(1).token for _ in range(20)}
    assert len(tokens) == 20
    assert min(map(len, tokens)) >= 32
    assert "right-token" not in repr(GATE)
    assert "HttpOnly" in GATE.set_cookie()
    assert "SameSite=Strict" in GATE.set_cookie()


@given(size=st.integers(0, 50), first=st.integers(0, 60), last=st.integers(0, 60))
def test_a_range_is_what_is_there_of_it(size: int, first: int, last: int) -> None:
    data = bytes(range(size))

    def got(asked: str) -> bytes | None:
        found = wanted_bytes(asked, size)
        return None if found is None else data[found.start : found.stop]

    if first >= size and last >= first:
        with pytest.raises(Unsatisfiable):
            got(f"bytes={first}-{last}")
    elif last >= first:
        assert got(f"bytes={first}-{last}") == data[first : last + 1]
    else:
        assert got(f"bytes={first}-{last}") is None
    if first < size:
        assert got(f"bytes={first}-") == data[first:]
    if last and size:
        assert got(f"bytes=-{last}") == data[-last:]


@pytest.mark.parametrize(
    "asked", [None, "", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-1,3-4", "lines=0-1", "bytes=1"]
)
def test_what_is_no_single_range_is_the_whole(asked: str | None) -> None:
    assert wanted_bytes(asked, 10) is None


class Desk:
    """Writes down what was done, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.heard: list[str] = []
        self.idle = 0
        self.jobs = Jobs(self._idle, lambda e: self.heard.append(e.text))
        self.go = threading.Event()

    def _idle(self, report: object) -> bool:
        self.idle += 1
        return False

    def slow(self, report) -> str:
        for n in range(500):
            report(Step("generate", n, 500))
            time.sleep(0.01)
        self.done.append("slow")
        return "slow"

    def quick(self, name: str):
        def work(report) -> str:
            self.done.append(name)
            return f"{name} is done."

        return work


@pytest.fixture
def desk():
    made = Desk()
    made.jobs.start()
    yield made
    made.jobs.stop()


def test_jobs_are_done_one_after_another_and_a_cancelled_one_not_at_all(desk: Desk) -> None:
    slow = desk.jobs.add("Slow", desk.slow)
    jobs = [desk.jobs.add(n, desk.quick(n)) for n in ("one", "two", "three")]
    while not slow.running:
        time.sleep(0.01)
    assert [j.to_dict()["running"] for j in desk.jobs.waiting()] == [True, False, False, False]
    assert desk.jobs.cancel(jobs[1].number)
    assert desk.jobs.cancel(slow.number)
    assert jobs[2].done.wait(5)
    assert desk.done == ["one", "three"]
    assert not desk.jobs.cancel(slow.number)
    assert desk.heard == ["Cancelled: Slow.", "one is done.", "three is done."]


def test_an_error_is_told_and_the_next_job_is_done(desk: Desk) -> None:
    def wrong(report) -> str:
        raise ConfigError("Scene 2 is locked.")

    def broken(report) -> str:
        raise KeyError("x")

    for work in (wrong, broken):
        assert desk.jobs.add("Redo", work).done.wait(5)
        assert desk.jobs.said.bad
    assert "bug" in desk.heard[1]
    assert desk.jobs.add("one", desk.quick("one")).done.wait(5)
    assert not desk.jobs.said.bad
    assert desk.heard[0] == "Scene 2 is locked."


def test_a_session_that_somebody_else_holds_is_waited_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def held(report) -> str:
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise LockHeld("Another process is at work on this session.")
        return "Picked."

    assert desk.jobs.add("Pick", held).done.wait(5)
    assert desk.heard == ["Picked."]
    monkeypatch.setattr(jobs_module, "PATIENCE_S", 0.0)
    tries.clear()
    desk.jobs.add("Pick", held).done.wait(5)
    assert desk.jobs.said.bad


def test_stopping_ends_the_job_at_work_and_starts_no_other() -> None:
    desk = Desk()
    desk.jobs.start()
    slow = desk.jobs.add("Slow", desk.slow)
    desk.jobs.add("one", desk.quick("one"))
    while not slow.running:
        time.sleep(0.01)
    began = time.monotonic()
    desk.jobs.stop()
    assert time.monotonic() - began < 2
    assert desk.done == []


def test_what_is_made_at_leisure_gives_way_to_a_job() -> None:
    reached = threading.Event()

    def idle(report) -> bool:
        reached.set()
        for n in range(1000):
            report(Step("film", n, 1000))
            time.sleep(0.01)
        raise AssertionError("nobody interrupted it")

    jobs = Jobs(idle, lambda event: None)
    jobs.start()
    assert reached.wait(5)
    job = jobs.add("Pick", lambda report: "Picked.")
    assert job.done.wait(2)
    assert jobs.said.text == "Picked."
    jobs.stop()
