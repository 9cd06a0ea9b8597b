"""MLflow's UI on a small study, and a browser. Screenshots are left in the folder that the variable SCREENSHOTS names.

Needs chromium (Debian: ``apt-get install chromium``) and ``pip install mnist-np[browser]``.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'mnist-np[browser]'")

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "tracking"))

from small_sweep import run_sweep  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
TIMEOUT = 90_000
"""Milliseconds that a page may take: the first one compiles, and the machine may be busy."""

MODEL = "digits"

NO_ASSISTANT = "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')"
"""MLflow opens a panel of its assistant over a third of the first page that it ever shows."""


@pytest.fixture(scope="session", autouse=True)
def _needs_chromium():
    if CHROMIUM is None:
        pytest.skip("needs chromium on the PATH: apt-get install chromium")


@pytest.fixture(scope="session")
def outputs(tmp_path_factory) -> Path:
    """A sweep of 8 runs, four configurations with two seeds each, whose best is registered as ``MODEL``."""
    path = tmp_path_factory.mktemp("outputs")
    run_sweep(path, figures=True, register=MODEL)
    return path


@contextmanager
def ui(outputs: Path) -> Iterator[dict[str, str]]:
    """The addresses that ``scripts/ui.py`` prints, by their names, while it serves them."""
    command = [sys.executable, str(ROOT / "scripts" / "ui.py"), "--outputs", str(outputs), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=outputs) as process:
        assert process.stdout is not None
        found: dict[str, str] = {}
        for line in process.stdout:
            if match := re.match(r"(.+?)\s+(http://\S+)$", line.strip()):
                found.setdefault(match[1], match[2])
            elif line.startswith("Ctrl-C"):
                break
        yield found
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


@pytest.fixture(scope="session")
def pages(outputs) -> Iterator[dict[str, str]]:
    with ui(outputs) as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, request, tmp_path) -> Iterator[playwright.Page]:
    """A browser of somebody who was never here, 1440 x 900 unless an indirect parameter says otherwise; its last state is kept
    as a picture."""
    width, height = getattr(request, "param", (1440, 900))
    context = browser.new_context(viewport={"width": width, "height": height})
    context.add_init_script(NO_ASSISTANT)
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    yield page
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    shown = context.pages[-1]  # links of notes open in tabs of their own
    shown.wait_for_timeout(1000)  # let what moves come to rest
    shown.screenshot(path=folder / f"{request.node.name}.png")
    context.close()
