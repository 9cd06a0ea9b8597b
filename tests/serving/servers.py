"""The commands `serve` and `draw` as processes of their own."""

import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"


@contextmanager
def running(script, *arguments, cwd=None):
    """The address of a server, while it runs; ``process`` is left as its attribute for whoever wants to end it."""
    command = [sys.executable, str(SCRIPTS / f"{script}.py"), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd) as process:
        line = process.stdout.readline()
        assert re.match(r"http://\S+/$", line), line + process.stderr.read()
        yield line.strip(), process
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
        assert not err, err
