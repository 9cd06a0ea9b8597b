"""A search whose trials are in PostgreSQL: sweeps share the database, it is lost and comes back, nobody is told its password."""

import pytest

pytest.importorskip("psycopg", reason="needs psycopg: pip install 'mnist-np[postgres]'")
optuna = pytest.importorskip("optuna")

from tests.programs import begin, finish, wait_for  # noqa: E402
from tests.services.postgres import NEEDED, postgres  # noqa: E402

pytestmark = NEEDED
SMALL = ["hydra/sweeper=search", "-m", "data=synthetic", "model.hidden=[4]", "tracking.figures=false", "training.epochs=3"]
SMALL += ["optimizer.lr=tag(log,interval(0.01,1))", "hydra/launcher=local", "hydra.launcher.workers=2"]
PASSWORD = "correct-horse"


def search(folder, uri, *arguments, **environment):
    folder.mkdir(exist_ok=True)
    return begin(folder, *SMALL, f"sweep.search.storage={uri}", *arguments, **environment)


def studies(uri):
    """Name -> the states of its trials."""
    storage = optuna.storages.RDBStorage(uri)
    names = optuna.get_all_study_names(storage)
    found = {name: [t.state.name for t in optuna.load_study(study_name=name, storage=storage).trials] for name in names}
    storage.engine.dispose()
    return found


def test_a_password_is_taken_from_the_environment_and_written_nowhere(tmp_path, monkeypatch):
    with postgres(PASSWORD) as uri:
        refused = finish(search(tmp_path / "a", uri, PGPASSWORD="another"), 2)
        assert refused.startswith(f"error: sweep.search.storage={uri}: cannot be used (connection failed: ")
        assert "password authentication failed" in refused
        assert len(refused.splitlines()) == 1
        with_it = uri.replace("mlflow@", f"mlflow:{PASSWORD}@")
        refused = finish(search(tmp_path / "a", with_it), 2)
        assert "must have no password" in refused
        said = finish(search(tmp_path / "a", uri, "sweep.search.trials=4", PGPASSWORD=PASSWORD))
        assert "4 runs: " in said
        for path in (path for path in tmp_path.rglob("*") if path.is_file()):
            assert PASSWORD.encode() not in path.read_bytes(), path
        assert PASSWORD not in said + refused
        monkeypatch.setenv("PGPASSWORD", PASSWORD)
        (states,) = studies(uri).values()
        assert len(states) == 4
        assert set(states) <= {"COMPLETE", "PRUNED"}


def test_sweeps_that_begin_at_once_on_an_empty_database_have_studies_of_their_own(tmp_path):
    with postgres() as uri:
        programs = [search(tmp_path / name, uri, "sweep.search.trials=2", "tracking=off") for name in "ab"]
        for program in programs:
            finish(program)
        finish(search(tmp_path / "a", uri, "sweep.search.trials=3", "tracking=off"))
        assert sorted(map(len, studies(uri).values())) == [2, 3]
        assert not list(tmp_path.rglob("study.journal"))


def test_a_killed_search_goes_on_and_a_lost_connection_is_one_line(tmp_path):
    import psycopg

    longer = [
        "training.epochs=30",
        "training.batch_size=4",
        "sweep.search.trials=5",
        "sweep.search.pruner=median",
        "tracking=off",
    ]
    with postgres() as uri:
        for cut in ("kill", "disconnect"):
            before = len(list(tmp_path.rglob("result.json")))
            program = search(tmp_path / "a", uri, *longer)
            wait_for(lambda n=before: len(list(tmp_path.rglob("result.json"))) > n, seconds=90)
            if cut == "kill":
                program.kill()
                program.communicate()
                continue
            with psycopg.connect(f"{uri.replace('+psycopg', '').rpartition('/')[0]}/postgres", autocommit=True) as connection:
                connection.execute("ALTER DATABASE mlflow ALLOW_CONNECTIONS false")
                others = (
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'mlflow' AND pid <> pg_backend_pid()"
                )
                connection.execute(others)
                said = finish(program, 1)
                connection.execute("ALTER DATABASE mlflow ALLOW_CONNECTIONS true")
            last = said.splitlines()[-1]
            assert last.startswith(f"error: {uri}: ")
            assert last.endswith("the same command goes on with the search")
        assert "5 runs: " in finish(search(tmp_path / "a", uri, *longer))
        (states,) = studies(uri).values()
        done = [state for state in states if state in ("COMPLETE", "PRUNED")]
        assert len(done) == 5
        assert set(states) - set(done) <= {"FAIL"}  # one that was cut off before its run began, and is made again
