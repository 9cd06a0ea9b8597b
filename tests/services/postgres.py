"""A PostgreSQL server of a test's own, in a temporary folder; nothing of the system's is touched.

Needs ``pip install mnist-np[postgres]`` and PostgreSQL's programs (Debian: ``apt-get install postgresql``).
"""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from mnist_np.tracking.server import free_port

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), default=None)
if PROGRAMS is None and (found := shutil.which("initdb")):
    PROGRAMS = Path(found).parent
ROOT_MAY_NOT = os.getuid() == 0 and shutil.which("runuser") is None
"""PostgreSQL refuses to run as root: its own user must."""

NEEDED = [
    pytest.mark.service,
    pytest.mark.skipif(PROGRAMS is None, reason="needs PostgreSQL: apt-get install postgresql"),
    pytest.mark.skipif(ROOT_MAY_NOT, reason="PostgreSQL does not run as root, and runuser is not there to be another user"),
]


@contextmanager
def postgres(password=None):
    """The URI of an empty database of a PostgreSQL server that lives until the context is left.

    With a ``password``, which the URI does not have, it lets nobody in without.
    """
    as_whom = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    secret = {} if password is None else {"PGPASSWORD": password}
    # Not pytest's folder, which is root's alone; and short, as a socket's path must be.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        if as_whom:
            shutil.chown(folder, "postgres")

        def run(program, *arguments):
            command = [*as_whom, PROGRAMS / program, *arguments]
            # Into a file, not a pipe: the server inherits it, and would hold a pipe open.
            with open(Path(folder) / "said.txt", "w+b") as said:
                done = subprocess.run(
                    command, cwd=folder, stdout=said, stderr=said, timeout=90, check=False, env=os.environ | secret
                )
            assert done.returncode == 0, (Path(folder) / "said.txt").read_text()

        data, log, port = f"{folder}/data", f"{folder}/log", free_port(None)
        (Path(folder) / "password.txt").write_text(f"{password}\n")
        auth = ["--auth=trust"] if password is None else ["--auth=scram-sha-256", f"--pwfile={folder}/password.txt"]
        run("initdb", "-D", data, "-U", "mlflow", *auth, "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        try:
            run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "mlflow", "mlflow")
            yield f"postgresql+psycopg://mlflow@127.0.0.1:{port}/mlflow"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
