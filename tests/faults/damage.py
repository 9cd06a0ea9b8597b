"""Ways in which a small file can be spoilt: by a full disk, a cut, or somebody who wishes harm."""

import json
import os

DEEP = 100_000


def linked_to(target):
    def deed(path):
        path.unlink()
        path.symlink_to(target)

    return deed


def pipe(path):
    path.unlink()
    os.mkfifo(path)


def folder(path):
    path.unlink()
    path.mkdir()


def cut(share):
    return lambda path: path.write_bytes(path.read_bytes()[: int(len(path.read_bytes()) * share)])


def other_types(value):
    """Every value of a JSON object is replaced; what is no JSON is replaced as a whole."""

    def deed(path):
        lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
        changed = []
        for line in lines:
            try:
                changed.append(json.dumps(dict.fromkeys(json.loads(line), value)))
            except ValueError:
                changed.append(json.dumps(value))
        path.write_text("\n".join(changed) + "\n")

    return deed


DAMAGES = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    **{f"cut at {share}": cut(share) for share in (0.1, 0.5, 0.9, 0.99)},
    "zeros": lambda path: path.write_bytes(bytes(100)),
    "all bytes": lambda path: path.write_bytes(bytes(range(256)) * 4),
    "null": lambda path: path.write_text("null"),
    "a list": lambda path: path.write_text("[1, 2]"),
    "an empty object": lambda path: path.write_text("{}"),
    "numbers for texts": other_types(3),
    "texts for numbers": other_types("\x1b[2J[red]x"),
    "lists": other_types([{"a": [1]}]),
    "objects": other_types({"a": {"b": None}}),
    "a huge number": other_types(10**400),
    "too many digits": lambda path: path.write_text('{"a": ' + "9" * 5000 + "}"),
    "not a number": lambda path: path.write_text(
        '{"metrics": {"test/accuracy": NaN, "best/val_loss": -Infinity}, "epochs": NaN}'
    ),
    "deep lists": lambda path: path.write_text("[" * DEEP + "]" * DEEP),
    "deep objects": lambda path: path.write_text('{"a":' * DEEP + "1" + "}" * DEEP),
    "aliases": lambda path: path.write_text(
        "a: &a [x,x,x]\n"
        + "".join(f"{b}: &{b} [*{a},*{a},*{a}]\n" for a, b in zip("abcdefghijklm", "bcdefghijklmn", strict=True))
    ),
    "a terabyte": lambda path: os.truncate(path, 1 << 40),
    "a link to nothing": linked_to("/nowhere"),
    "a link to a device": linked_to("/dev/zero"),
    "a link to itself": lambda path: linked_to(path)(path),
    "a pipe": pipe,
    "a folder": folder,
}
