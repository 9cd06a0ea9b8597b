"""A command with all the processes that it starts, which get signals together, as a terminal, systemd or Slurm sends them."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path


class Group:
    """A command with all its processes in a session of its own, as a terminal, ``timeout``, systemd or Slurm starts it."""

    def __init__(self, command, cwd=None):
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, cwd=cwd
        )

    def members(self):
        """Process ids of the session's processes that still run."""
        processes = {path.name: stat_of(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
        return [int(pid) for pid, stat in processes.items() if stat[3:4] == [str(self.process.pid)] and stat[0] != "Z"]

    def helpers(self):
        return [pid for pid in self.members() if pid != self.process.pid]

    def wait_for_helper(self, seconds=30):
        """The process id of the helper of ``training.processes=2``, as soon as there is one. Git's processes come before it."""
        deadline = time.monotonic() + seconds
        while not (found := [pid for pid in self.helpers() if HELPER in command_of(pid)]):
            assert time.monotonic() < deadline, "no second process was started"
            time.sleep(0.002)
        return found[0]

    def signal(self, number):
        """To the process group, as GNU ``timeout`` and a terminal do."""
        os.killpg(self.process.pid, number)

    def signal_all(self, number):
        """To each process, as systemd and Slurm do."""
        for pid in self.members():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def end(self, seconds=60, afterwards=3):
        """Exit code and output; no process may be left some seconds afterwards."""
        output = self.process.communicate(timeout=seconds)[0]
        deadline = time.monotonic() + afterwards
        while (left := self.members()) and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left, f"{len(left)} processes are left"
        return self.process.returncode, output


HELPER = b"mnist_np.training.parallel.worker"


def command_of(pid):
    """The command line of a process; empty where it is over."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def stat_of(path):
    """Fields of ``/proc/PID/stat`` after the name: state, parent, group, session."""
    try:
        return (path / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
