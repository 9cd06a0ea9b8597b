"""An MLflow server over PostgreSQL takes the runs of eight processes at once.

Needs ``pip install mnist-np[postgres]`` and PostgreSQL's programs (Debian: ``apt-get install postgresql``); the database is
the test's own, in a temporary folder, and nothing of the system's is touched.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from mnist_np.tracking.server import free_port, wait_for
from mnist_np.tracking.supervisor import end

pytest.importorskip("psycopg", reason="needs psycopg: pip install 'mnist-np[postgres]'")

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), default=None)
if PROGRAMS is None and (found := shutil.which("initdb")):
    PROGRAMS = Path(found).parent
ROOT_MAY_NOT = os.getuid() == 0 and shutil.which("runuser") is None
"""PostgreSQL refuses to run as root: its own user must."""

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(PROGRAMS is None, reason="needs PostgreSQL: apt-get install postgresql"),
    pytest.mark.skipif(ROOT_MAY_NOT, reason="PostgreSQL does not run as root, and runuser is not there to be another user"),
]
JOBS = 8


@contextmanager
def postgres():
    """The URI of an empty database of a PostgreSQL server that lives until the context is left."""
    as_whom = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    # Not pytest's folder, which is root's alone; and short, as a socket's path must be.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        if as_whom:
            shutil.chown(folder, "postgres")

        def run(program, *arguments):
            command = [*as_whom, PROGRAMS / program, *arguments]
            # Into a file, not a pipe: the server inherits it, and would hold a pipe open.
            with open(Path(folder) / "said.txt", "w+b") as said:
                done = subprocess.run(command, cwd=folder, stdout=said, stderr=said, timeout=90, check=False)
            assert done.returncode == 0, (Path(folder) / "said.txt").read_text()

        data, log, port = f"{folder}/data", f"{folder}/log", free_port(None)
        run("initdb", "-D", data, "-U", "mlflow", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        try:
            run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "mlflow", "mlflow")
            yield f"postgresql+psycopg://mlflow@127.0.0.1:{port}/mlflow"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


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
