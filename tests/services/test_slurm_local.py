"""A cluster's way of running jobs, by submitit, with its local executor in place of Slurm."""

import pytest

pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="needs submitit: pip install 'mnist-np[slurm]'")
pytestmark = pytest.mark.service


def test_each_run_is_a_job_of_its_own_and_all_finish_under_one_parent(sweep, kept, tmp_path):
    sweep("hydra/launcher=slurm_local", "seed=range(3)")
    kept().check(3)
    submitted = list((tmp_path / "outputs").glob(".launcher/**/.submitit/*/*_submitted.pkl"))
    assert len(submitted) == 3
