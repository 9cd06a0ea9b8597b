"""What a person gets wrong on the command line: one clear line on standard error, exit code 2, and nothing left behind."""

import pytest

# What is typed, and what the one line must say: the key, the value, what is allowed.
MISTAKES = [
    # keys
    ("optimzer=sgd", "optimzer=sgd: no such key", "did you mean 'optimizer'?", "keys: model, activation"),
    ("optimizer.lrr=1", "optimizer.lrr=1: no such key", "did you mean 'optimizer.lr'?", "keys: lr, weight_decay"),
    ("lr=1", "lr=1: no such key", "did you mean optimizer.lr?"),
    ("optimizer.beta1=0.9", "optimizer.beta1=0.9: no such key", "it belongs to optimizer=adam"),
    ("+foo=1", "foo=1: no such key", "keys: model"),
    ("++foo=1", "foo=1: no such key"),
    ("+optimizer.foo=1", "optimizer.foo=1: no such key", "keys: lr"),
    ("~seed", "seed=null: this key cannot be removed"),
    ("~optimizer", "optimizer=null: an option must be chosen"),
    ("~optimizer.lr", "optimizer.lr"),
    ("hydra.run.dirr=x", "hydra.run.dirr=x: no such key", "did you mean 'hydra.run.dir'?"),
    # options
    ("hydra/sweeper=optuna", "hydra/sweeper=optuna: no such option here; use sweep=search"),
    ("hydra/launcher=joblib", "hydra/launcher=joblib: no such option here; use hydra/launcher=local"),
    ("hydra/launcher=ray_cluster", "hydra/launcher=ray_cluster: no such option here; use hydra/launcher=ray"),
    ("-m seed=1,2 hydra/launcher=slurm hydra.launcher.array_parallelism=2", "no such key any more; use hydra.launcher.workers"),
    ("-m seed=1,2 hydra/launcher=ray hydra.launcher.ray.init.address=x", "no such key any more; use hydra.launcher.address"),
    ("-m seed=1,2 hydra/launcher=ray hydra.launcher.adress=x", "no such key; did you mean 'hydra.launcher.address'?"),
    ("-m seed=1,2 hydra/launcher=ray hydra.launcher.num_cpus=0", "must be a whole number from 1 to 1024"),
    ("activation=relo", "activation=relo: no such option", "did you mean 'relu'?", "must be one of", "tanh"),
    ("sweep=phenomena/dropuot", "sweep=phenomena/dropuot: no such option", "did you mean 'phenomena/dropout'?", "default, inits"),
    ("training=quick", "training=quick: no such option", "default"),
    ("optimizer=null", "optimizer=null: must be one of", "adam"),
    ("activation=[relu,sigmoid]", "one name, for all layers", "model.activations=[relu,sigmoid]"),
    ("init=[xavier]", "one name, for all layers", "model.inits=[xavier]"),
    ("optimizer=[sgd]", "optimizer=[sgd]: must be one of", "adam"),
    ("+experiment=softmax_regression", "write experiment=softmax_regression, without +"),
    ("optimizer@foo=sgd", "optimizer@foo"),
    ("experiment=null", "experiment=null: must be one of", "or a list of them, [] for none"),
    # types
    ("training.epochs=abc", "training.epochs=abc: must be an integer"),
    ("training.epochs=1.5", "training.epochs=1.5: must be an integer"),
    ("training.epochs=null", "training.epochs=null: must be an integer"),
    ("optimizer.lr=fast", "optimizer.lr=fast: must be a number"),
    ("tracking.required=maybe", "tracking.required=maybe: must be true or false"),
    ("model.hidden=5", "model.hidden=5: must be a list of integers, like [256,128]"),
    ("model.hidden=[a]", "model.hidden=[a]: must be a list of integers"),
    ("name=[a]", "name=[a]: must be a text or null"),
    ("seed=", "seed=: must be an integer"),
    # ranges and combinations
    ("optimizer.lr=-1", "optimizer.lr=-1.0: must be > 0"),
    ("optimizer.lr=nan", "optimizer.lr=", "finite"),
    ("model.hidden=[0]", "model.hidden=[0]: every entry must be > 0"),
    ("training.batch_size=0", "training.batch_size=0: must be >= 1"),
    ("training.dtype=float16", "training.dtype=float16: did you mean", "must be one of float32, float64"),
    ("model.activations=[relu]", "model.activations=", "one entry per hidden layer: 2, not 1"),
    ("model.activations=[relu,sigmo]", "did you mean 'sigmoid'?"),
    # data and files
    ("data=idx data.folder=/nowhere", "data.folder = /nowhere: there is no such folder"),
    ("data=idx", "data.folder=null: must name the folder"),
    ("data.validation_size=60000", "data.validation_size"),
    ("plugins=[nope.py]", "nope.py: there is no such file"),
    ("--config-dir=/nowhere", "--config-dir=/nowhere: there is no such folder"),
    ("hydra.run.dir=/dev/null/x", "hydra.run.dir=/dev/null/x: Not a directory"),
    # grammar
    ("optimizer.lr=0.1,0.2", "optimizer.lr=0.1,0.2: several values need -m"),
    ("seed=range(3)", "seed=range(3): several values need -m"),
    ("model.hidden=[1", "model.hidden=[1: cannot be read"),
    ("foo", "foo: is not of the form key=value"),
    ("=3", "=3: is not of the form key=value"),
    ("--foo", "unrecognized arguments: --foo"),
    ("outputs=${nope}", "outputs=${nope}: Interpolation key 'nope' not found"),
    ("seed=${oc.env:NOT_SET}", "seed=${oc.env:NOT_SET}:", "'NOT_SET' not found"),
    ("seed=${nope:1}", "seed=${nope:1}: Unsupported interpolation type nope"),
    # sweeps: nothing is begun
    ("-m optimizer.lr=0.1,-1", "optimizer.lr=-1.0: must be > 0", "(in the combination optimizer.lr=-1)"),
    ("-m data=synthetic data.validation_size=9,640", "data.validation_size=640:", "(in the combination data.validation"),
    ("-m activation=relu,relo", "activation=relo: no such option", "did you mean 'relu'?"),
    ("-m activation=[relu,tanh],[tanh,relu]", "one name, for all layers", "model.activations=[relu,tanh],[tanh,relu]"),
    ("-m optimizr.lr=0.1,0.2", "optimizr.lr=0.1: no such key", "did you mean 'optimizer'?", "keys: model, activation"),
    ("-m optimzer=sgd,adam", "optimzer=sgd: no such key", "did you mean 'optimizer'?"),
    ("-m seed=1,2 +foo=1", "foo=1: no such key"),
    ("-m seed=0,1 optimizer.lr=0.1 ++seed=5", "++seed=5: comes after seed=0,1, which would not count"),
    ("-m seed=0,1 seed=range(3)", "seed=range(3): comes after seed=0,1, which would not count"),
    ("-m data=idx data.folder=/nowhere seed=1,2", "data.folder = /nowhere: there is no such folder"),
    ("-m seed=1,2 hydra.launcher.workers=2", "hydra.launcher.workers=2: no such key; it belongs to hydra/launcher=local, ray,"),
    ("-m seed=1,2 hydra/launcher=locl", "hydra/launcher=locl: no such option", "did you mean 'local'?"),
    # code in a config
    ("++optimizer._target_=os.system", "a config may not name code to call"),
    ("hydra.launcher._target_=os.system", "a config may not name code to call"),
    ("+hydra.callbacks.x._target_=os.system", "a config may not name code to call", "see observers"),
    ("+hydra.callbacks={a:b}", "are not called", "see observers"),
    ("hydra.callbacks.x._target_=os.system", "no such key", "see observers"),
    ("--experimental-rerun=x.pickle", "pickles"),
]


@pytest.mark.parametrize(("typed", "says"), [(typed, says) for typed, *says in MISTAKES], ids=[typed for typed, *_ in MISTAKES])
def test_mistake_is_told_in_one_line_and_leaves_nothing(typed, says, train, tmp_path):
    outcome = train(*typed.split(), "tracking=off")
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    for words in says:
        assert words in outcome.err
    assert list(tmp_path.iterdir()) == []


# The same in files of one's own: the line names the file.
FILES = [
    (
        "experiment/mine",
        "# @package _global_\noptimizr: {lr: 1}",
        "experiment/mine.yaml: optimizr: no such key; did you mean 'optimizer'?",
    ),
    (
        "experiment/mine",
        "# @package _global_\noptimizer: {lrr: 1}",
        "experiment/mine.yaml: optimizer.lrr: no such key; did you mean 'optimizer.lr'?",
    ),
    (
        "experiment/mine",
        "# @package _global_\ntraining: {epochs: abc}",
        "experiment/mine.yaml: training.epochs: must be an integer",
    ),
    ("experiment/mine", "# @package _global_\noptimizer: {lr: -1}", "optimizer.lr=-1.0: must be > 0"),
    ("experiment/mine", "# @package _global_\ndefaults:\n  - override /activation: relo", "activation=relo: no such option"),
    ("experiment/mine", "# @package _global_\noptimizer: {_target_: os.system}", "mine.yaml: optimizer._target_: no such key"),
    ("experiment/mine", "a: [1\nb: }", 'mine.yaml", line 2'),
    ("experiment/mine", "a: !!python/object/apply:os.system [touch hacked]", "python/object/apply:os.system"),
    (
        "sweep/mine",
        "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {params: {seed: 'range(2)'}}}",
        "the file of sweep=mine needs the line defaults: [default@sweep, _self_]",
    ),
    ("optimizer/mine", "defaults: [base_sgd, _self_]\nmomentumm: 3", "optimizer/mine.yaml: optimizer.momentumm: no such key"),
]


@pytest.mark.parametrize(("option", "text", "says"), FILES)
def test_mistake_in_a_file_names_it(option, text, says, train, tmp_path):
    group, name = option.split("/")
    (tmp_path / "my" / group).mkdir(parents=True)
    (tmp_path / "my" / f"{option}.yaml").write_text(text + "\n")
    outcome = train("--config-dir=my", f"{group}={name}", "tracking=off")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert says in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["my"]


def test_a_store_that_is_not_there_is_told_in_one_line(train, tmp_path):
    outcome = train("data=synthetic", "tracking=server", "tracking.uri=http://127.0.0.1:9")
    assert outcome.code == 2
    assert outcome.err.startswith("error: the MLflow store http://127.0.0.1:9 cannot be used")
    assert outcome.err.count("\n") == 1
    assert not list(tmp_path.glob("outputs/runs"))


def test_a_real_process_shows_no_traceback_either(real_train, tmp_path):
    outcome = real_train("optimizer.lr=-1")
    assert (outcome.code, outcome.out, outcome.err) == (2, "", "error: optimizer.lr=-1.0: must be > 0\n")
    assert list(tmp_path.iterdir()) == []


def test_a_bug_keeps_its_traceback(train, monkeypatch):
    def broken(*args):
        raise ZeroDivisionError

    monkeypatch.setattr("mnist_np.experiment.Experiment.load_data", broken)
    with pytest.raises(ZeroDivisionError):
        train("data=synthetic", "tracking=off")
