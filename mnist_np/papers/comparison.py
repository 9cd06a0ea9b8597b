"""Recorded runs beside the same ones, trained again."""

from __future__ import annotations

from collections.abc import Mapping

from mnist_np.papers.outcomes import Outcome, Reproduction


def compare(before: Reproduction, now: Mapping[int, Outcome], seeds: list[int]) -> bool:
    """Print for each seed whether the run equals the recorded one. Gives whether all do."""
    same = True
    for run in before.runs:
        if run.seed not in seeds:
            continue
        other = now.get(run.seed)
        name = f"{before.row.name}, seed {run.seed}"
        equal = other is not None and (other.error, other.loss, other.epoch) == (run.error, run.loss, run.epoch)
        same &= equal
        if other is None:
            print(f"{name}: did not finish")
        elif equal:
            print(f"{name}: error {run.error:.2f} %, loss {run.loss!r}: the same to the last digit")
        else:
            print(f"{name}: error {run.error:.2f} % and loss {run.loss!r} recorded, now {other.error:.2f} % and {other.loss!r}")
            for key in ("commit", "versions", "blas", "cpu"):
                if getattr(run, key) != getattr(other, key):
                    print(f"  {key}: {getattr(run, key)} recorded, now {getattr(other, key)}")
    return same
