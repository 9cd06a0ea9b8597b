"""The plan of a sweep: which jobs it has, what identifies them, and what identifies the sweep itself.

A job is identified by the fingerprint of its experiment alone. A sweep is what varies and what is fixed: its id is the hash
of the varied keys' names and of the fixed overrides, in any order. The same command, and one with more values for the same
keys, therefore continue the same sweep.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mnist_np.experiment import Training
from mnist_np.sweep.values import short_names

LONGEST = 120
"""Characters of a name, and bytes of a folder's, of which file systems allow 255: a person reads fewer."""

WITHOUT_EFFECT = (
    *("sweep.", "outputs=", "tracking", "name=", "plugins=", "observers=", "training.processes=auto"),
    *(f"training.{f.name}=" for f in dataclasses.fields(Training) if not f.metadata.get("affects_result", True)),
)
"""Fixed overrides that leave a sweep what it is."""


@dataclass(frozen=True)
class Job:
    """A planned run: the values by which it differs from the others of the sweep, and its identity."""

    varied: Mapping[str, str]
    fingerprint: str
    group: str

    @property
    def name(self) -> str:
        """What varies, readable: ``optimizer=adam-init=he_normal-seed=3``."""
        return child_name(self.varied)


@dataclass(frozen=True)
class SweepIdentity:
    """The name and the id of a sweep.

    Attributes:
        id: eight hex digits of the hash of what varies (names only) and what is fixed (with its values).
        name: for people: ``activation x seed (data=synthetic)``. No two sweeps share it.
        folder: the beginning of its folder's name.
    """

    id: str
    name: str
    folder: str

    @staticmethod
    def of(varied: Iterable[str], fixed: Iterable[str], name: str | None = None) -> SweepIdentity:
        """The identity of the sweep that varies the keys ``varied`` beside the overrides ``fixed``, in whatever order."""
        keys = sorted(varied, key=lambda key: (key == "seed", key))
        short = short_names(keys)
        effective = sorted(text for text in fixed if not text.startswith(WITHOUT_EFFECT))
        identity = sweep_id(keys, [*effective, f"name={name}"])
        words = [short[key] for key in keys]
        title = " x ".join(words) or "sweep"
        title = f"{name}: {title}" if name else title
        return SweepIdentity(identity, described(title, effective, identity), name or "-".join(words) or "sweep")


def described(title: str, fixed: Sequence[str], identity: str) -> str:
    """``title`` with what is fixed in brackets; what is too long ends in the sweep's id."""
    pairs = dict(text.partition("=")[::2] for text in fixed)
    short = short_names(pairs)
    text = f"{title} ({', '.join(f'{short[key]}={value}' if value else key for key, value in pairs.items())})" if fixed else title
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 14]}... {identity}"


def child_name(varied: Mapping[str, str]) -> str:
    """``optimizer=adam-init=he_normal-seed=3``, each key by its last part where that is unambiguous."""
    short = short_names(varied)
    return "-".join(f"{short[key]}={value}" for key, value in varied.items()) or "single"


def sweep_id(varied: Sequence[str], fixed: Sequence[str]) -> str:
    """Eight hex digits of the hash of what varies (names only) and what is fixed (with its values)."""
    return hashlib.sha256(json.dumps([sorted(varied), sorted(fixed)]).encode()).hexdigest()[:8]


def safe(text: str) -> str:
    """``text`` as part of a folder's name: letters, digits and ``=.,_-`` only, so that it cannot leave its folder."""
    shown = re.sub(r"[^\w=.,-]+", "_", text).encode()[:LONGEST].decode(errors="ignore")  # cut at a whole character
    return shown.strip("._") or "_"
