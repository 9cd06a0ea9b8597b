"""What other POSIX systems lack: everything runs on a Python from which it is taken away, and only `machine` may ask for it.

The list is that of macOS. Tests of the faults of a system (full disks, killed processes) need Linux and say so.
"""

import ast
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_np import machine

PACKAGE = Path(machine.__file__).parent
ROOT = PACKAGE.parent

TABLE = """
os sched_getaffinity sched_setaffinity sched_getparam sched_setparam sched_getscheduler sched_setscheduler sched_rr_get_interval
os memfd_create eventfd eventfd_read eventfd_write pidfd_open pipe2 posix_fadvise posix_fallocate fdatasync copy_file_range splice
os getrandom getxattr setxattr listxattr removexattr getresuid getresgid setresuid setresgid setns unshare timerfd_create
os O_TMPFILE O_PATH O_DIRECT O_NOATIME O_LARGEFILE O_RSYNC EFD_CLOEXEC MFD_CLOEXEC GRND_NONBLOCK
signal sigtimedwait sigwaitinfo SIGRTMIN SIGRTMAX SIGPOLL SIGPWR SIGSTKFLT SIGCLD
mmap MADV_HUGEPAGE MADV_NOHUGEPAGE MADV_MERGEABLE MADV_DONTFORK MADV_DONTDUMP MADV_POPULATE_READ MAP_POPULATE
resource prlimit RLIMIT_MSGQUEUE RLIMIT_NICE RLIMIT_OFILE RLIMIT_RTPRIO RLIMIT_RTTIME RLIMIT_SIGPENDING RUSAGE_THREAD
select epoll EPOLLIN EPOLLOUT EPOLLERR EPOLLHUP
socket SOCK_CLOEXEC SOCK_NONBLOCK AF_NETLINK SO_PEERCRED SO_BINDTODEVICE TCP_KEEPIDLE
fcntl F_SETPIPE_SZ F_GETPIPE_SZ F_ADD_SEALS F_NOTIFY F_SETLEASE F_OFD_SETLK
time CLOCK_BOOTTIME CLOCK_TAI pthread_getcpuclockid
"""
LACKING: dict[str, list[str]] = {}
for row in TABLE.strip().splitlines():
    LACKING.setdefault(row.partition(" ")[0], []).extend(row.split()[1:])
"""Module -> what macOS's lacks."""

FILES = ("/proc", "/sys/", "/dev/shm", "/etc/", "/run/")
"""Where Linux keeps what macOS keeps elsewhere or nowhere. `memory.py` and `machine.py` read them and do without: see
tests/test_memory.py and `test_the_processor_has_a_name_everywhere`."""


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_one_module_asks_for_what_systems_lack(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and file != PACKAGE / "machine.py":
            assert node.attr not in LACKING.get(node.value.id, ()), f"{file.name}:{node.lineno}: {node.value.id}.{node.attr}"
        if isinstance(node, ast.ImportFrom):
            assert not {alias.name for alias in node.names} & set(LACKING.get(node.module, ())), f"{file.name}:{node.lineno}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            reads = node.value.startswith(FILES) and file not in (PACKAGE / "memory.py", PACKAGE / "machine.py")
            assert not reads, f"{file.name}:{node.lineno}: {node.value}"


@pytest.fixture
def other_system(tmp_path):
    """The environment of a Python, and of all that it starts, without what macOS lacks. Temporary files have long paths."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        f"import importlib\nfor name, lacking in {LACKING!r}.items():\n"
        "    module = importlib.import_module(name)\n"
        "    for attribute in lacking:\n"
        "        if hasattr(module, attribute):\n"
        "            delattr(module, attribute)\n"
        "import os\nassert not hasattr(os, 'sched_getaffinity')\n"
    )
    temporary = tmp_path / ("long" * 25)
    temporary.mkdir()
    return os.environ | {"PYTHONPATH": f"{site}:{ROOT}", "TMPDIR": str(temporary)}


SMALL = ["data=synthetic", "tracking.figures=false", "training.epochs=1"]
LOCAL = ("hydra/launcher=local", "tracking=off")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["name=tracked"], marks=pytest.mark.fault),
        ["augment=full", "tracking=off", "training.batch_size=16"],
        ["training.processes=2", "tracking=off", "model.hidden=[8]"],
        ["-m", "seed=1,2", *LOCAL],
        [
            "-m",
            "hydra/sweeper=search",
            "hydra/launcher=local",
            "sweep.search.trials=3",
            "optimizer.lr=interval(0.1,0.2)",
            "tracking=off",
        ],
    ],
    ids=" ".join,
)
def test_everything_runs_without_it(words, other_system, tmp_path):
    if "training.processes=2" in words and not machine.orders_writes():
        pytest.skip("two processes need an x86-64 processor")
    command = [sys.executable, str(ROOT / "scripts" / "train.py"), *SMALL, *words]
    done = subprocess.run(command, cwd=tmp_path, env=other_system, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_the_installed_command_starts_workers_too(tmp_path):
    """Workers import the main module again, which must not start the command again."""
    command = [sys.executable, "-m", "mnist_np", "train", "-m", *SMALL, "tracking=off", "seed=1,2", "hydra/launcher=local"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_cores(monkeypatch):
    assert 1 <= machine.cores() <= os.cpu_count()
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert machine.cores() == os.cpu_count()
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.cores() == 1


def test_anonymous_files(monkeypatch):
    for _ in range(2):
        fd = machine.anonymous_file(100)
        assert os.fstat(fd).st_size == 100
        os.close(fd)
        monkeypatch.delattr(os, "memfd_create", raising=False)


def test_giving_way(monkeypatch):
    machine.yield_core()
    monkeypatch.delattr(os, "sched_yield", raising=False)
    machine.yield_core()


@pytest.mark.parametrize(("processor", "orders"), [("x86_64", True), ("AMD64", True), ("arm64", False), ("aarch64", False)])
def test_two_processes_need_ordered_writes(processor, orders, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: processor)
    assert machine.orders_writes() is orders


def test_the_processor_has_a_name_everywhere(monkeypatch):
    machine.processor.cache_clear()
    assert machine.processor()
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(FileNotFoundError))
    monkeypatch.setattr("subprocess.run", lambda *_, **__: (_ for _ in ()).throw(FileNotFoundError))
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    machine.processor.cache_clear()
    assert machine.processor() == "riscv64"
    machine.processor.cache_clear()


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/a/b\n", {"a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000"}, 1.5),
        ("0::/\n", {"cpu.max": "200000 100000"}, 2),
        (
            "5:cpu,cpuacct:/a\n0::/\n",
            {"cpu,cpuacct/a/cpu.cfs_quota_us": "50000", "cpu,cpuacct/a/cpu.cfs_period_us": "100000"},
            0.5,
        ),
        ("5:cpu:/a\n4:memory:/b\n", {"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"}, math.inf),
        ("rubbish", {}, math.inf),
    ],
)
def test_a_container_s_cores(own, files, expected, tmp_path, monkeypatch):
    for name, text in files.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    (tmp_path / "own").write_text(own)
    found = machine.cgroup_cores(tmp_path / "root", tmp_path / "own")
    assert found == expected
    monkeypatch.setattr(machine, "cgroup_cores", lambda: found)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(4), raising=False)
    assert machine.cores() == max(1, min(4, int(min(found, 4))))
