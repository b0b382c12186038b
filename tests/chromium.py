"""A real browser for tests: the system's own Chromium, without a window, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
]


def find_chromium() -> str:
    """The program: ``VTA_CHROMIUM``, or one on the PATH. A test that has none is skipped, or fails
    where ``VTA_REQUIRE_CHROMIUM`` is 1."""
    named = os.environ.get("VTA_CHROMIUM")
    found = named or next((p for p in map(shutil.which, NAMES) if p), None)
    if found is None or not os.access(found, os.X_OK):
        why = f"there is no Chromium here ({', '.join(NAMES)}; VTA_CHROMIUM names one)"
        if os.environ.get("VTA_REQUIRE_CHROMIUM") == "1":
            pytest.fail(why)
        pytest.skip(why)
    return found


@contextmanager
def _driver() -> Iterator[Any]:
    """Playwright, of which one process can have one at a time: the one that runs, or a new one."""
    from playwright.sync_api import sync_playwright

    if _running:
        yield _running[-1]
        return
    with sync_playwright() as playwright:
        _running.append(playwright)
        try:
            yield playwright
        finally:
            _running.pop()


_running: list[Any] = []


@contextmanager
def chromium() -> Iterator[Any]:
    """Playwright's browser, with a profile of its own that is thrown away."""
    program = find_chromium()
    with _driver() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, headless=True, args=FLAGS, timeout=60_000
        )
        try:
            yield browser
        finally:
            browser.close()
