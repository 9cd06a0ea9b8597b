"""Write COMPONENTS.md anew from the docstrings: `python scripts/components.py`."""

from pathlib import Path

from mnist_np.reference import page

if __name__ == "__main__":
    path = Path(__file__).parent.parent / "COMPONENTS.md"
    path.write_text(page(), encoding="utf-8")
    print(f"written: {path}")
