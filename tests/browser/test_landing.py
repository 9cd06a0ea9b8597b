"""Where one lands in MLflow's UI, and how far it is from there to a sweep."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from grid import table
from small_sweep import NAME

from mnist_np.tracking.server import LIGHT, wait_for

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def plain(outputs, tmp_path_factory) -> Iterator[str]:
    """The address of MLflow's own ``mlflow ui``, started without our script."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("plain") / "log"
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", f"sqlite:///{outputs}/mlflow.db", "--port", str(port)]
    environment = dict(os.environ) | LIGHT | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, cwd=log.parent, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    wait_for(process, address, log)
    yield address
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


def test_from_mlflows_start_page_a_sweeps_view_is_three_clicks_away(page, plain):
    page.goto(plain)
    page.get_by_role("link", name="mnist-np").first.click()
    page.get_by_role("button", name="Got it").click()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="means over seeds").first.click()
    opened.value.get_by_text("4 matching runs").wait_for()


def test_in_model_training_mode_it_is_two(page, plain):
    """The switch at the top left is what sets the mode, for all later visits; ``workflowType`` in an address is for its page."""
    page.goto(plain)
    page.get_by_role("button", name="Model training").click()
    page.goto("about:blank")

    page.goto(plain)
    page.get_by_role("link", name="mnist-np").first.click()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="best 8 runs").first.click()
    opened.value.get_by_text("8 matching runs").wait_for()


def test_our_command_lands_on_the_newest_runs(page, pages):
    """Sweeps stand with a status and their best value, and open on their runs, which have what varies as columns."""
    assert next(iter(pages)) == "newest runs"
    page.goto(pages["newest runs"])
    (parent,) = table(page, 1)
    assert NAME in parent["attributes.`Run Name`"]
    assert parent["tags.`status`"] == "finished"
    assert float(parent["metrics.`best/val_accuracy`"]) > 0.1
    page.locator(".ag-pinned-left-cols-container .ag-row").first.locator("button").first.click()
    rows = table(page, 9)
    assert {row["params.`optimizer`"] for row in rows[1:]} == {"sgd", "adam"}
    assert all(float(row["metrics.`test/accuracy`"]) > 0 for row in rows[1:])


def test_the_note_lists_the_sweeps(page, pages):
    page.goto(pages["newest runs"])
    note = page.get_by_text("Newest sweep:")
    note.wait_for()
    row = page.get_by_role("table").get_by_role("link", name=NAME)
    assert not in_sight(row)
    note.locator("xpath=ancestor::*[.//button][1]").get_by_role("button").last.click()
    page.wait_for_timeout(500)
    assert in_sight(row)


def in_sight(found) -> bool:
    """Whether a link lies within the part of the note that is shown."""
    box = found.bounding_box()
    return found.evaluate(
        "(link, [x, y]) => link.contains(document.elementFromPoint(x, y))", [box["x"] + box["width"] / 2, box["y"] + 4]
    )


def test_all_sweeps_are_a_table(page, pages):
    page.goto(pages["all sweeps"])
    (row,) = table(page, 1)
    assert row["metrics.`n/finished`"] == "8"
    assert row["tags.`varied`"].startswith("optimizer")
