"""Small sweeps by the command line, in this process or as a process of their own."""

from mnist_np.cli.train import main
from tests import programs

QUICK = ["data=synthetic", "training.epochs=2", "model.hidden=[8]"]


def sweep(outputs, *arguments, tracking="off"):
    return main(["-m", *QUICK, f"tracking={tracking}", f"outputs={outputs}", *arguments])


def begin(outputs, *arguments):
    return programs.begin(outputs.parent, "-m", *QUICK, f"outputs={outputs}", *arguments)
