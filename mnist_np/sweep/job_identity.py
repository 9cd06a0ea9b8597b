"""The identity of a sweep's job, from its composed config."""

from __future__ import annotations

from pathlib import Path

from mnist_np.fingerprint import identify
from mnist_np.storage.teacher import teacher_sha256
from mnist_np.sweep.plan import Job
from mnist_np.sweep.run_config import RunConfig


def job_of(config: RunConfig, varied: dict[str, str], digests: dict[str, str]) -> Job:
    """The identity of the run that a composed config describes. Reads the data once for each way of reading it."""
    experiment = config.experiment
    key = repr(experiment.data)
    if key not in digests:
        digests[key] = experiment.load_data().sha256
    identity = identify(experiment, digests[key], teacher_sha256(experiment, Path(config.outputs)))
    return Job(varied, identity.fingerprint, identity.group)
