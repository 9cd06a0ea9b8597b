"""A Ray cluster of this machine alone, whose nodes are started as anybody would, and end by their own processes' ids."""

import os
import secrets
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from mnist_np.tracking.server import free_port

TIMEOUT = 120.0


class Cluster:
    """Nodes of one core each, in ``folder``, whose path must be short, as a socket's must be."""

    def __init__(self, folder):
        self.folder, self.nodes = Path(folder), []
        self.address = f"127.0.0.1:{free_port(None)}"
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}  # nodes listen to all the world
        self.environment = {"RAY_USAGE_STATS_ENABLED": "0", **token}

    def start_node(self):
        """Start another node; the first is the head."""
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--num-cpus=1", "--block", "--node-ip-address=127.0.0.1"]
        if self.nodes:
            command += [f"--address={self.address}"]
        else:
            port = self.address.partition(":")[2]
            command += ["--head", f"--temp-dir={self.folder}/t", f"--port={port}", "--include-dashboard=false"]
        log = self.folder / f"node-{len(self.nodes)}.txt"
        with log.open("wb") as said:
            environment = os.environ | self.environment
            node = subprocess.Popen(command, cwd=self.folder, stdout=said, stderr=said, env=environment, start_new_session=True)
        self.nodes.append(node)
        end = monotonic() + TIMEOUT
        while "Ray runtime started" not in log.read_text():
            assert node.poll() is None, log.read_text()
            assert monotonic() < end, log.read_text()
            sleep(0.2)

    def kill_node(self):
        """Kill the last node, with all its processes, as a machine that loses its power."""
        self.end(self.nodes.pop(), at_once=True)

    def close(self):
        """End all nodes; ``ray stop`` would end those of others too."""
        while self.nodes:
            self.end(self.nodes.pop())

    @staticmethod
    def end(node, at_once=False):
        """End a node and the processes of its session: its workers have groups of their own."""
        mine = session(node.pid)
        if not at_once:
            node.terminate()
            with suppress(subprocess.TimeoutExpired):
                node.wait(15)
        for pid in mine:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        node.wait()


def session(leader):
    """The ids of all processes in the session of ``leader``."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader:
            found.append(int(path.parent.name))
    return found
