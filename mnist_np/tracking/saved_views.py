"""Saved views of MLflow's runs page, which MLflow keeps as tags of the experiment and opens by their keys.

The page's state (``ExperimentPageUIState`` and the search facets in MLflow's sources) is deflated. From MLflow 3.15 on the tag
holds an envelope with the view's name, by which the page's Views menu lists it; older servers take the state alone.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.request import urlopen

from mnist_np.tracking.store import Store

PREFIX = "mlflow.sharedViewState."
"""Tags with this prefix are saved views; what follows is the key in the address."""

LONGEST = 20_000
"""Characters that MLflow takes as an experiment's tag."""

ENVELOPES_SINCE = (3, 15)
"""The version of MLflow whose page reads envelopes."""


@dataclass(frozen=True)
class View:
    """A view: its name in the menu and the state of the page."""

    name: str
    state: dict[str, object]


def save(store: Store, experiment_id: str, views: Mapping[str, View], created: int) -> None:
    """Save views by their keys, newest first in the menu by ``created`` (ms), in the order given; one too large is left out."""
    envelopes = reads_envelopes(store)
    for i, (key, view) in enumerate(views.items()):
        value = packed(view.state)
        if envelopes:
            times = {"createdAt": created - i, "updatedAt": created - i}
            value = json.dumps({"name": view.name, **times, "state": value})
        if len(value) <= LONGEST:
            store.client.set_experiment_tag(experiment_id, PREFIX + key, value)


def packed(state: dict[str, object]) -> str:
    """A view's state as the page stores it."""
    return "deflate;" + base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()


def saved_names(tags: Mapping[str, str]) -> dict[str, str]:
    """The names of the saved views among an experiment's ``tags``, by key; empty for those without a name."""
    found = {}
    for tag, value in tags.items():
        if tag.startswith(PREFIX):
            try:
                found[tag.removeprefix(PREFIX)] = str(json.loads(value)["name"]) if value.startswith("{") else ""
            except (ValueError, KeyError):
                continue
    return found


def reads_envelopes(store: Store) -> bool:
    """Whether the page of this store's server, or for a file that of the MLflow installed here, reads envelopes."""
    if store.uri not in _READS:
        _READS[store.uri] = version_of(store) >= ENVELOPES_SINCE
    return _READS[store.uri]


_READS: dict[str, bool] = {}


def version_of(store: Store) -> tuple[int, ...]:
    """The version of the server at the store's address, or of the MLflow installed here; (0,) where a server does not say."""
    if not store.uri.startswith("http"):
        from mlflow import __version__ as text
    else:
        try:
            with urlopen(f"{store.uri.rstrip('/')}/version", timeout=5) as answer:
                text = answer.read(100).decode()
        except (OSError, ValueError):
            return (0,)
    parts = text.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else (0,)
