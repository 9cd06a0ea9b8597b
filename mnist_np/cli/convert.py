"""``convert``: a data set of any form as MNIST's four files.

  {command} data=folder data.folder=PATH --to DIR
  {command} data=table data.file=digits.csv --to DIR

What it writes is read by `data=idx data.folder=DIR`, at once, and by every other program that reads MNIST.
"""

from __future__ import annotations

from pathlib import Path

from mnist_np.cli.one_config import experiment_of, parser
from mnist_np.cli.train import OK, guarded
from mnist_np.invocation import command


def main() -> int:
    """Convert what ``sys.argv`` names. Gives the exit code."""
    made = parser("convert", __doc__, "data=OPTION [KEY=VALUE ...] --to DIR")
    made.add_argument("--to", type=Path, metavar="DIR", required=True, help="the folder for the four files, which may be new")
    chosen, rest = made.parse_known_args()
    return guarded(lambda: convert(chosen.to, rest), rest)


def convert(folder: Path, words: list[str]) -> int:
    """What `main` does, with exceptions for mistakes."""
    from mnist_np.data.idx_writer import write_idx
    from mnist_np.data.sources import IDX
    from mnist_np.data.splits import PART

    experiment, _ = experiment_of(words, "convert reads one data set")
    data = experiment.data.read()
    for path in write_idx(data, folder):
        print(path)
    sizes = f"{len(data.decoded.train):,} training and {len(data.decoded.test):,} test images"
    print(f"{sizes} of the classes {', '.join(data.class_names[:20])}{', ...' if len(data.class_names) > 20 else ''}")
    n = len(data.decoded.train)
    few = [] if n > 2 * (IDX.validation_size or 0) else [f"data.validation_size={n // PART}"]
    print(f"Train on them: {command('train', 'data=idx', f'data.folder={folder}', *few)}")
    return OK
