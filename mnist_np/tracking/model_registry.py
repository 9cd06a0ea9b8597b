"""A run's logged model as a version of a registered one (``tracking.register``).

The alias `CHAMPION` moves to a new version only if it is right on more validation images than the champion, by McNemar's test on
the same images. A tag of the version says why it moved, or why not.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_np.component import JsonDict
from mnist_np.storage.records import parsed
from mnist_np.sweep.significance import ALPHA, mcnemar
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.inputs import digest
from mnist_np.tracking.journal import Ledger
from mnist_np.tracking.store import Store, first_line
from mnist_np.training.evaluation import logits_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.entities.model_registry import ModelVersion

    from mnist_np.training.result import Result

CHAMPION = "champion"
"""The alias of the best version."""

WHY = "champion"
"""The tag that says why the alias moved to the version, or why not."""

AGAINST = "champion_before"
"""The tag that names the version that the alias is moved from, or ``none``: a delivery that was cut off finishes it."""

VERSIONS = "mlflow.modelVersions"
"""MLflow's tag of a logged model that lists its registered versions."""

VALIDATION = "validation.json"
"""The model's file that says which validation images it takes for another class."""

NO_REGISTRY = ("ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED", "FEATURE_DISABLED", "RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")
"""What a server answers that has no registry, to a question for its models."""


def check_store(store: Store, experiment: str, registry: bool) -> None:
    """Find the experiment or make it, and the registry if one is needed. Raises TrackingError."""
    store.experiment_id(experiment)
    if registry:
        check_registry(store)


def check_registry(store: Store) -> None:
    """Raise TrackingError where the store has no registry of models."""
    try:
        store.client.search_registered_models(max_results=1)
    except Exception as error:
        if getattr(error, "error_code", None) in NO_REGISTRY:
            raise TrackingError(f"the MLflow store {store.uri} has no model registry, which tracking.register needs") from error
        raise TrackingError(f"the model registry of {store.uri} cannot be used: {first_line(error)}") from error


def validation(result: Result, data: dict[str, object]) -> str:
    """The text of `VALIDATION`: the digest of the images, their number, and the indices of those that are classified wrongly."""
    split = result.data.val
    wrong: list[int] = []
    if len(split):
        wrong = np.flatnonzero(logits_of(result.network, split).argmax(axis=1) != split.labels).tolist()
    return json.dumps({"digest": digest(data, "val"), "images": len(split), "wrong": wrong})


def register(store: Store, ledger: Ledger, name: str) -> None:
    """Make the run's logged model a version of ``name``, once, and the champion if it is better.

    What was done stands in the ledger and in a tag of the run. Where the store has no registry, the rest of the run is delivered
    all the same.
    """
    client, run_id = store.client, str(ledger.run_id)
    try:
        check_registry(store)
    except TrackingError as error:
        if getattr(error.__cause__, "error_code", None) not in NO_REGISTRY:
            raise
        ledger.registered = f"not as {name}: {error}"
        client.set_tag(run_id, "register", f"not registered as {name}: {error}")
        return
    found = client.search_logged_models([str(ledger.experiment_id)], f"source_run_id = '{run_id}'", max_results=1)
    if not found:
        ledger.registered = f"not as {name}: the run has no logged model"
        client.set_tag(run_id, "register", f"not registered as {name}: the run has no logged model")
        return
    with store.lock:  # runs that end together are compared one after the other
        version = version_of(store, name, run_id, found[0])
        client.set_tag(run_id, "register", f"{name}, version {version.version}")
        link(client, found[0], version)
        present = champion(client, name)
        if WHY not in version.tags:
            mine = predictions(store, version)
            better, why = compare(store, mine, present)
            if better:
                client.set_model_version_tag(name, version.version, AGAINST, str(present.version) if present else "none")
                version.tags[AGAINST] = str(present.version) if present else "none"
            client.update_model_version(name, version.version, described(mine, why))
            client.set_model_version_tag(name, version.version, WHY, why)
            version.tags[WHY] = why
        if version.tags.get(AGAINST) == (str(present.version) if present else "none"):
            client.set_registered_model_alias(name, CHAMPION, version.version)
        ledger.registered = f"{name}, version {version.version}; champion: {version.tags[WHY]}"


def described(found: JsonDict | None, why: str) -> str:
    """What the list of versions shows beside a version: how good it is, and why it is the champion or not."""
    if not found or not found["images"]:
        return f"champion: {why}"
    return f"val/accuracy {1 - len(found['wrong']) / found['images']:.4f} ({found['images']:,} images); champion: {why}"


def version_of(store: Store, name: str, run_id: str, model: LoggedModel) -> ModelVersion:
    """The version that is the run's model, made if there is none."""
    from mlflow.exceptions import MlflowException

    client = store.client
    for version in client.search_model_versions(f"run_id = '{run_id}'"):
        if version.name == name:
            return version
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    # ``models:/ID`` is what MLflow's page of a version links to; without a server MLflow looks for it in its global store.
    source = f"models:/{model.model_id}" if store.database is None else model.artifact_location
    return client.create_model_version(name, source, run_id, model_id=model.model_id)


def link(client: MlflowClient, model: LoggedModel, version: ModelVersion) -> None:
    """Have the list of logged models name the version, as ``mlflow.register_model`` has it."""
    versions = json.loads(model.tags.get(VERSIONS, "[]"))
    this = {"name": version.name, "version": version.version}
    if this not in versions:
        client.set_logged_model_tags(model.model_id, {VERSIONS: json.dumps([*versions, this])})


def champion(client: MlflowClient, name: str) -> ModelVersion | None:
    """The version that has the alias."""
    number = client.get_registered_model(name).aliases.get(CHAMPION)
    return client.get_model_version(name, str(number)) if number is not None else None


def compare(store: Store, mine: JsonDict | None, present: ModelVersion | None) -> tuple[bool, str]:
    """Whether the version with the predictions ``mine`` is to be the champion in place of ``present``, and why or why not."""
    if present is None:
        return True, "yes: there was no champion"
    than = f"version {present.version}"
    its = predictions(store, present)
    if its is None:
        return False, f"no: {than}, the champion, does not say which validation images it classifies wrongly"
    if mine is None or not mine["images"]:
        return False, "no: the run has no validation images"
    if mine["digest"] != its["digest"]:
        return False, f"no: {than}, the champion, was validated on other images"
    wrong, right = set(mine["wrong"]), set(its["wrong"])
    better, worse = len(right - wrong), len(wrong - right)
    p = mcnemar(better, worse)
    numbers = (
        f"right on {better} validation images where {than} is wrong, wrong on {worse} where it is right (McNemar, p = {p:.2g})"
    )
    return better > worse and p < ALPHA, f"{'yes' if better > worse and p < ALPHA else 'no'}: {numbers}"


def predictions(store: Store, version: ModelVersion) -> JsonDict | None:
    """`VALIDATION` of a version; None where it has none that can be read."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    try:
        place = store.client.get_model_version_download_uri(version.name, version.version)
        with tempfile.TemporaryDirectory() as folder:
            path = download_artifacts(f"{place.rstrip('/')}/{VALIDATION}", dst_path=folder, tracking_uri=store.uri)
            content = parsed(Path(path).read_text(encoding="utf-8"))
    except (MlflowException, OSError, ValueError):
        return None
    wrong = content.get("wrong")
    if not isinstance(wrong, list) or not all(isinstance(index, int) for index in wrong):
        return None
    return content if isinstance(content.get("images"), int) and isinstance(content.get("digest"), str) else None
