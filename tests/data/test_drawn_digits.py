"""The default network reads digits that people write, on whatever they write."""

import numpy as np
import pytest
from handwriting import DEVELOPMENT, HELD_OUT
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import HARD, PLAIN, gradient, ink, page
from PIL import Image

from mnist_np.api import run
from mnist_np.data.centring import INK, centred, thickened
from mnist_np.data.dataset import DataError
from mnist_np.data.paper import ink_on_paper
from mnist_np.data.pictures import read_picture
from mnist_np.data.sources import MNIST
from mnist_np.experiment import Experiment


@pytest.fixture(scope="module")
def network():
    """The default one, trained as by default."""
    result = run(Experiment())
    assert result.test.accuracy > 0.974
    return result.network


def right(network, strokes, kinds, folder, each):
    """The share of digits that are recognised on each kind of page; each way of writing is put on every ``each``-th kind."""
    found = {}
    for number, kind in enumerate(kinds):
        images, labels = [], []
        for digit, ways in strokes.items():
            for way, points in enumerate(ways):
                if (number + way + int(digit)) % each == 0:
                    page(points, kind, np.random.default_rng([20261129, number, int(digit), way])).save(folder / "page.png")
                    try:
                        images.append(read_picture(folder / "page.png", (28, 28)))
                    except DataError:
                        images.append(np.zeros((28, 28), np.float32))
                    labels.append(int(digit))
        found[kind] = np.mean(network.predict(np.stack(images).reshape(len(images), -1)) == labels)
    return found


@pytest.mark.parametrize("each", [5, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("strokes", [DEVELOPMENT, HELD_OUT], ids=["development", "held out"])
def test_digits_of_many_hands_on_pages_of_every_kind(strokes, each, network, tmp_path):
    plain = right(network, strokes, PLAIN, tmp_path, 1)
    assert np.mean(list(plain.values())) >= 0.95, plain
    hard = right(network, strokes, HARD, tmp_path, each)
    assert np.mean(list(hard.values())) >= 0.8, hard
    assert min(hard.values()) >= 0.6, hard


@pytest.mark.parametrize("digit", ["1", "8"])
def test_a_small_digit_on_a_large_page(digit, network, tmp_path):
    """Which is worked on in a smaller size, so that the digit must be looked for once more."""
    rng = np.random.default_rng(0)
    mark = np.zeros((1500, 2000))
    mark[900:980, 300:380] = ink(DEVELOPMENT[digit][1], rng, (80, 80), width=0.1)
    Image.fromarray((gradient(mark, rng).clip(0, 1) * 255).astype(np.uint8)).save(tmp_path / "large.png")
    assert network.predict(read_picture(tmp_path / "large.png", (28, 28)).reshape(1, -1)) == [int(digit)]


@settings(max_examples=60)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32 - 1), st.sampled_from([0.02, 0.3, 1.0]))
def test_any_picture_gives_an_image_or_is_empty(height, width, seed, contrast):
    rng = np.random.default_rng(seed)
    found = ink_on_paper(1 - contrast * rng.random((height, width)).astype(np.float32) ** rng.uniform(0.2, 30))
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert 0 <= found.min() <= found.max() <= 1
    if found.max() >= INK:
        image = centred(found, (28, 28))
        assert image.shape == (28, 28)
        assert 0 <= image.min() <= image.max() <= 1


def test_what_is_no_character_is_said_to_be_none(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 300), np.uint8)).save(tmp_path / "noise.png")
    with pytest.raises(DataError, match=r"noise\.png: no character can be told from its background"):
        read_picture(tmp_path / "noise.png", (28, 28))


def test_an_image_of_the_data_set_is_left_alone(tmp_path):
    image = MNIST().load(np.random.default_rng(0)).test.X[5].reshape(28, 28)
    Image.fromarray(np.round(image * 255).astype(np.uint8)).save(tmp_path / "image.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "image.png", (28, 28)), image)


@pytest.mark.parametrize("number", range(10))
def test_clean_pictures_come_to_what_they_came_to_before(number, tmp_path):
    """Of one background: darkest becomes 1, the box is cut out and scaled; nothing is thickened or smoothed."""
    rng = np.random.default_rng(number)
    mark = ink(DEVELOPMENT[str(number)][0], rng, (120, 100), width=0.1)
    pixels = np.round(255 * (0.98 - 0.9 * mark)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "page.png")
    gray = pixels / np.float32(255)
    brightness = gray.max() - gray
    np.testing.assert_array_equal(read_picture(tmp_path / "page.png", (28, 28)), centred(brightness / brightness.max(), (28, 28)))
    rows, columns = (np.flatnonzero((brightness / brightness.max() >= INK).any(axis=axis)) for axis in (1, 0))
    cut = (brightness / brightness.max())[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert thickened(cut) is cut


def test_dust_on_a_clean_page_changes_nothing(tmp_path):
    mark = ink(DEVELOPMENT["4"][0], np.random.default_rng(0), (300, 300), width=0.1)
    page = np.round(255 * (1 - 0.9 * mark)).astype(np.uint8)
    dusty = page.copy()
    dusty[8:11, 8:11], dusty[290, 200] = 40, 0
    images = []
    for pixels in (page, dusty):
        Image.fromarray(pixels).save(tmp_path / "page.png")
        images.append(read_picture(tmp_path / "page.png", (28, 28)))
    np.testing.assert_allclose(images[1], images[0], atol=0.11)  # the dust is darker than the ink, which was the darkest


def test_the_dots_of_a_letter_are_no_dust(tmp_path):
    page = np.full((200, 200), 255, np.uint8)
    page[80:160, 95:105] = page[50:60, 95:105] = 0
    Image.fromarray(page).save(tmp_path / "i.png")
    image = read_picture(tmp_path / "i.png", (28, 28))
    assert (image.sum(axis=1) == 0).tolist().index(False) < 5, "the dot is at the top of its box"
    assert 3 < (image.sum(axis=1) == 0)[4:24].sum() < 6, "and there is a gap below it"
