"""The page on which digits are drawn, in a real browser: by mouse, finger and keyboard."""

import os
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from playwright.sync_api import expect

sys.path.insert(0, str(ROOT / "tests" / "serving"))

from servers import running
from strokes import DIGITS

from mnist_np.cli.train import main as train

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    common = [f"outputs={folder}", "tracking=off", "training.epochs=3"]
    assert train([*common, "model.hidden=[16]", "data.train_size=10000", f"hydra.run.dir={folder}/runs/today/small"]) == 0
    assert train([*common, f"hydra.run.dir={folder}/runs/today/usual"]) == 0
    return folder


@pytest.fixture(scope="module")
def address(trained):
    with running("draw", "--outputs", trained, "--no-browser") as (found, _):
        yield found


@pytest.fixture
def page(browser, address):
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(address)
    page.wait_for_selector(".model select")
    yield page
    page.close()


@pytest.fixture
def kept(tmp_path):
    """Keeps a picture of a page in the folder that the variable SCREENSHOTS names."""

    def keep(page, name):
        folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png")

    return keep


def draw(page, strokes):
    box = page.locator("#canvas").bounding_box()
    for points in strokes:
        places = [(box["x"] + x / 100 * box["width"], box["y"] + y / 100 * box["height"]) for x, y in points]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=3)
        page.mouse.up()


def answer(page, digit, panel=0):
    expect(page.locator(".answer").nth(panel).locator("strong")).to_have_text(digit, timeout=10_000)


def nothing_drawn(page):
    expect(page.locator(".answer").first).to_have_text("Nothing is drawn yet.", timeout=10_000)


def test_the_right_digit_wins_for_ten_drawings(page):
    for digit, strokes in DIGITS.items():
        page.get_by_role("button", name="Clear").click()
        nothing_drawn(page)
        draw(page, strokes)
        answer(page, digit)


def test_bars_and_pictures_move_while_one_draws(page, kept):
    draw(page, DIGITS["3"])
    answer(page, "3")
    bar = page.locator(".bars").first.locator(".bar").nth(3)
    assert bar.locator("i").bounding_box()["width"] > 0.5 * bar.bounding_box()["width"]
    assert page.locator(".model").first.locator(".seen figure").count() == 3, "what it sees and two layers"
    sides = page.locator(".seen canvas").first.evaluate("canvas => [canvas.width, canvas.height]")
    assert sides == [28, 28]
    kept(page, "draw")
    page.get_by_role("button", name="Undo").click()
    nothing_drawn(page)


def test_two_networks_side_by_side(page):
    other = page.locator(".model select").nth(1)
    assert other.locator("option").count() == 3
    other.select_option(index=2)
    draw(page, DIGITS["0"])
    answer(page, "0")
    answer(page, "0", panel=1)
    assert page.locator(".model").nth(1).locator(".seen figure").count() == 2, "one layer"


def test_the_keyboard_will_do(page):
    tip = page.locator("#tip")
    expect(tip).to_be_hidden()
    page.keyboard.press("Tab")
    expect(tip).to_be_visible()
    for key in [*["ArrowUp"] * 9, " ", *["ArrowDown"] * 18, " "]:
        page.keyboard.press(key)
    answer(page, "1")
    assert "The pen is up" in page.locator("#pen").inner_text()
    board, pen = page.locator("#canvas").bounding_box(), tip.bounding_box()
    assert pen["y"] + pen["height"] / 2 - board["y"] == pytest.approx((140 + 9 * 7) / 280 * board["height"], abs=1)
    page.keyboard.press("Backspace")
    nothing_drawn(page)


def test_a_telephone(browser, address, kept):
    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = phone.new_page()
    page.goto(address)
    page.wait_for_selector(".model select")
    draw(page, DIGITS["7"])
    answer(page, "7")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing is cut off"
    kept(page, "draw-phone")
    phone.close()


def test_names_for_a_screen_reader(page):
    draw(page, DIGITS["5"])
    answer(page, "5")
    assert page.get_by_label("Drawing area").count() == 1
    assert page.locator(".answer[aria-live=polite]").count() == 2
    assert page.get_by_role("img", name="what the network sees").count() == 1
    assert page.get_by_role("combobox").count() == 2
    for name in ("network", "beside it"):
        assert page.get_by_role("region", name=name).get_by_role("combobox", name=name).count() == 1


def test_an_answer_that_comes_late_is_not_shown_for_another_network(page):
    """Nor do bars keep the names of other classes."""
    waiting, names = [], page.locator(".bars").first.locator("dt")
    page.route("**/look?*", lambda route: waiting.append(route))

    def reply(*classes):
        while not waiting:
            page.wait_for_timeout(10)
        found = {"class": classes[0], "probability": 1, "probabilities": dict.fromkeys(classes, 1)}
        waiting.pop(0).fulfill(json=found | {"image": [[0]], "layers": []})

    page.locator("#canvas").click()
    page.locator(".model select").first.select_option(index=1)
    reply("cat", "dog")  # of the network that was chosen first
    while not waiting:
        page.wait_for_timeout(10)
    assert not names.all_inner_texts()
    reply("shirt", "coat")
    expect(names).to_have_text(["shirt", "coat"])
    page.get_by_role("button", name="Clear").click()
    page.locator("#canvas").click()
    reply("ankle boot", "bag", "dress")
    expect(names).to_have_text(["ankle boot", "bag", "dress"])
