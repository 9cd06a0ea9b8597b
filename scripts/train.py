"""Train a network: `python scripts/train.py --help`."""

from mnist_np.cli.main import main

if __name__ == "__main__":
    main()
