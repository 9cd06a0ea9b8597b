"""What all tests share: one BLAS thread, no window, no telemetry, nothing of the user's own touched, and a steady hypothesis."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before numpy is imported
os.environ["MPLBACKEND"] = "Agg"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
for name in ("MNIST_NP_OUTPUTS", "MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "HYDRA_FULL_ERROR"):
    os.environ.pop(name, None)

# What `nohup` and a script's `&` ignore, the programs that the tests start would ignore too. A handler is not inherited.
for number in (signal.SIGHUP, signal.SIGINT) if os.name == "posix" else ():
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, lambda *_: None)

# The same examples every time, and no failure because a machine is busy.
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Decoded data are cached for the tests, and the commands that they start, in a folder of their own."""
    os.environ["MNIST_NP_CACHE"] = str(tmp_path_factory.mktemp("cache"))
