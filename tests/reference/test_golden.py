"""Results stay what finished runs have, or `RESULTS_VERSION` is raised: a sweep then trains those runs again."""

import json
from dataclasses import replace

import pytest
from golden import FILE, agree, cases, result

from mnist_np.fingerprint import RESULTS_VERSION
from mnist_np.optim.optimizers import SGD

RECORDED = json.loads(FILE.read_text())
CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_results_are_those_of_this_results_version(name):
    assert RECORDED["results_version"] == RESULTS_VERSION, "record the new version: python tests/reference/golden.py"
    assert name in RECORDED["results"], "record the new run: python tests/reference/golden.py"
    recorded, now = RECORDED["results"][name], result(CASES[name])
    assert agree(recorded, now, name), f"{recorded} became {now}: raise mnist_np.fingerprint.RESULTS_VERSION if that is meant"


def test_no_recorded_run_is_left_out():
    assert RECORDED["results"].keys() == CASES.keys()


@pytest.mark.parametrize("change", [{"optimizer": SGD(lr=0.2 * (1 + 1e-6))}, {"seed": 6}])
def test_a_small_change_is_noticed(change):
    base = CASES["optimizer=sgd"]
    assert base.optimizer.lr == 0.2
    assert not agree(RECORDED["results"]["optimizer=sgd"], result(replace(base, **change)), "optimizer=sgd")
