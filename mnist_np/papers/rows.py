"""A row of the page of results: a published result, or a record of this package."""

from __future__ import annotations

from dataclasses import dataclass

PARTS = {
    "plain": "Permutation-invariant MNIST: no augmentation",
    "tutorial": "Recipes of books, tutorials and libraries",
    "augmented": "With augmented training images",
    "few": "With few labelled images",
    "context": "For context, without a verdict",
    "record": "Records of this package",
}
"""Part of the table -> its heading, in the page's order."""

WITHOUT_VERDICT = ("context", "record")
"""Parts whose rows are not compared with a published error."""

SOURCES = {
    "paper": "",
    "secondary": "the error read in a secondary source",
    "memory": "the error as reported, not read in the paper",
}
"""How sure a published number is -> what is said of it."""


@dataclass(frozen=True)
class Row:
    """A published result or a record, and how it is reproduced.

    Attributes:
        name: what the command line calls it; also the name of its sweep and of its result file.
        title: paper and network.
        part: one of `PARTS`.
        overrides: the command line's overrides that train it; none where a component is missing, which ``needs`` names.
        published: the published error in percent, or of a record the mark. None: the claim is relative, see ``below``.
        sd: the standard deviation of the published error between runs, where it is stated, in percentage points.
        source: one of `SOURCES`.
        split: the split that the error is of: ``test`` or ``val``.
        minutes: about the minutes that one run takes on one core.
        below: the row whose error must be higher.
        deviations: what is not as published, or not stated there.
        explanation: why it misses, where it does: what was tried, and what is suspected.
        needs: what this package would need to express it.
        seeds: the runs that the verdict needs.
    """

    name: str
    title: str
    part: str
    overrides: tuple[str, ...] = ()
    published: float | None = None
    sd: float | None = None
    source: str = "paper"
    split: str = "test"
    minutes: float = 1.0
    below: str = ""
    deviations: str = ""
    explanation: str = ""
    needs: str = ""
    seeds: int = 3
