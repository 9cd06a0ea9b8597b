"""Pictures of a run's epochs for MLflow's image grid (``tracking.images=epochs``).

They are files of the run's folder under the names that `mlflow.log_image` gives, sent by the journal like any other file: a
tracker that is away loses none, and one sent twice is there once.
"""

from __future__ import annotations

import uuid
from io import BytesIO
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

from mnist_np.files import write_atomically
from mnist_np.training.averaging import chosen_weights
from mnist_np.training.events import EpochEnd, RunStart

if TYPE_CHECKING:
    from PIL.Image import Image

FOLDER = "images"

KEYS = ("images/first_layer", "images/confusion", "images/hardest", "images/layers")
"""The keys in MLflow; the first part is the section of its charts. The layers are there with ``training.diagnostics``."""

LOGGED = {"mlflow.loggedImages": "True"}
"""The tag by which MLflow's page looks for images."""

MOST = 50
"""Epochs of which a run has pictures, the start included: of longer runs every second, third, ... one."""

THUMBNAIL = 256
"""Pixels of the longer side of what the grid shows; a click shows the picture itself."""


class EpochImages:
    """Draws the pictures of one run into its folder."""

    def __init__(self, folder: Path, event: RunStart) -> None:
        from mnist_np.figures.epoch import hardest

        self.folder, self.data, self.optimizer = folder, event.data, event.experiment.optimizer
        self.epochs = event.experiment.training.epochs
        self.hard, self.diagnostics = hardest(event.data), event.diagnostics

    def wanted(self, epoch: int) -> bool:
        """Whether this epoch has pictures: the start (0), the first, the last, and at most `MOST` in all."""
        return epoch in (0, 1, self.epochs) or epoch % -(-self.epochs // (MOST - 3)) == 0

    def save(self, event: RunStart | EpochEnd) -> list[str]:
        """Draw the pictures of an epoch, of the weights that are validated. Gives their files in the run's folder."""
        from mnist_np.figures.epoch import pictures

        with chosen_weights(event.network, self.optimizer, event.progress):
            found = pictures(event.network, self.data, self.hard, self.diagnostics)
        (self.folder / FOLDER).mkdir(exist_ok=True)
        files = []
        for name, picture in found.items():
            stem = self.stem(f"{FOLDER}/{name}", event.progress.epoch)
            thumbnail = picture.copy()
            thumbnail.thumbnail((THUMBNAIL, THUMBNAIL))
            for file, image in ((f"{stem}.png", picture), (f"{stem}+compressed.webp", thumbnail)):
                write_atomically(self.folder / file, encoded(image, Path(file).suffix))
                files.append(file)
        return files

    def stem(self, key: str, step: int) -> str:
        """The file name without its end; that which it has already, where a run that was interrupted trains the epoch again."""
        start = f"{key.replace('/', '~')}+step+{step}+timestamp+"
        for file in (self.folder / FOLDER).glob(f"{start}*.png"):
            return f"{FOLDER}/{file.stem}"
        return f"{FOLDER}/{start}{int(time() * 1000)}+{uuid.uuid4()}"


def last_steps(folder: Path) -> dict[str, int]:
    """The last epoch of which the run in ``folder`` has a picture, by its key."""
    found: dict[str, int] = {}
    for file in (folder / FOLDER).glob("*+step+*.png"):
        key, _, step = file.name.split("+")[:3]
        if step.isdecimal():
            key = key.replace("~", "/")
            found[key] = max(found.get(key, 0), int(step))
    return found


def encoded(image: Image, suffix: str) -> bytes:
    """The bytes of a file of this kind."""
    content = BytesIO()
    image.save(content, suffix.removeprefix("."))
    return content.getvalue()
