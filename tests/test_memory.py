"""How much memory there is, on Linux and where nothing tells."""

from pathlib import Path

import pytest

from mnist_np import memory

NOWHERE = Path("/nowhere/at/all")


def test_there_is_some_and_less_than_the_machine_could_have():
    assert 0 < memory.available() < 1 << 50


@pytest.mark.parametrize("name", ["MEMINFO", "STATM", "CGROUP"])
def test_what_a_system_does_not_tell_limits_nothing(name, monkeypatch):
    before = memory.available()
    monkeypatch.setattr(memory, name, NOWHERE)
    assert memory.available() >= before // 2


def test_a_control_group_limits(tmp_path, monkeypatch):
    (tmp_path / "memory.stat").write_text("anon 300\nfile 500\n")
    (tmp_path / "memory.max").write_text("1000\n")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert memory.available() == 700
    with pytest.raises(memory.NotEnoughMemory, match=r"a large array takes about .* and 0\.0 GB are free"):
        memory.need(701, "a large array")
