"""Our sweepers and launchers as Hydra plugins."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from hydra.core.plugins import Plugins

from mnist_np.cli.grid_sweeper import GridSweeper
from mnist_np.cli.launchers import LAUNCHERS
from mnist_np.cli.search import SearchSweeper

PLACE = "hydra_plugins.mnist_np"


def register_plugins() -> None:
    """Make them known to Hydra as ``hydra_plugins.mnist_np.<class>``.

    Hydra takes plugins from the package ``hydra_plugins`` only and finds them there by import; a module made here stands
    in for a second top-level package beside ours.
    """
    try:
        package = importlib.import_module("hydra_plugins")
    except ModuleNotFoundError:  # no other plugin is installed
        package = sys.modules["hydra_plugins"] = ModuleType("hydra_plugins")
        package.__path__ = []
    module = sys.modules[PLACE] = ModuleType(PLACE)
    package.mnist_np = module  # type: ignore[attr-defined]
    for plugin in (GridSweeper, SearchSweeper, *LAUNCHERS):
        setattr(module, plugin.__name__, plugin)
        plugin.__module__ = PLACE
        Plugins.instance().register(plugin)
