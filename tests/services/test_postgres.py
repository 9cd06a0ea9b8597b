"""An MLflow server over PostgreSQL takes the runs of eight processes at once.

See `tests.services.postgres` for what it needs.
"""

import subprocess
import sys
from contextlib import contextmanager

import pytest

from mnist_np.tracking.server import free_port, wait_for
from mnist_np.tracking.supervisor import end
from tests.services.postgres import NEEDED, postgres

pytest.importorskip("psycopg", reason="needs psycopg: pip install 'mnist-np[postgres]'")

pytestmark = NEEDED
JOBS = 8


@contextmanager
def mlflow_server(database, folder):
    """The address of an MLflow server that was started as the README says; its clients send files through it."""
    port, log = free_port(None), folder / "server.log"
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", database]
    command += ["--artifacts-destination", str(folder / "artifacts"), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--allowed-hosts", "127.0.0.1:*,localhost:*"]
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, cwd=folder, start_new_session=True)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(process, address, log)
        yield address
    finally:
        end(process)


def test_eight_jobs_at_once_log_completely(sweep, kept, tmp_path):
    with postgres() as database, mlflow_server(database, tmp_path) as address:
        workers = ["hydra/launcher=local", f"hydra.launcher.workers={JOBS}"]
        sweep("tracking=server", f"tracking.uri={address}", *workers, f"seed=range({JOBS})")
        kept(address).check(JOBS)
    assert not (tmp_path / "outputs" / "mlflow.db").exists()
    assert len(list((tmp_path / "artifacts").glob("**/weights.safetensors"))) == JOBS
