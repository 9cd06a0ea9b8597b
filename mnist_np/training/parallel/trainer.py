"""The trainer that runs each epoch in two processes, of which this one is the first."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mnist_np.component import RunFailed
from mnist_np.engine.sparse_input import is_sparse, pack, unsorted
from mnist_np.engine.textbook import TextbookEngine
from mnist_np.engine.threads import blas_threads
from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Dense
from mnist_np.plugins import loaded_plugins
from mnist_np.training.events import StepEnd, StopTraining
from mnist_np.training.loop import Trainer
from mnist_np.training.parallel.batches import shape_of_memory
from mnist_np.training.parallel.exchange import PeerLost
from mnist_np.training.parallel.limits import check
from mnist_np.training.parallel.rank import Answer, Memory, Rank, Work, states, vectors, without_vectors
from mnist_np.training.parallel.shared import SharedArray
from mnist_np.training.parallel.shares import unbound, widest_sum
from mnist_np.training.progress import Progress
from mnist_np.training.worker_process import start

WORKER = "mnist_np.training.parallel.worker"


class ParallelTrainer(Trainer):
    """Trains as `Trainer` does, each epoch by two processes. The other one is started with the first epoch and ended by `fit`.

    Between epochs network, optimizer and average are whole, so validation, selection and observers know nothing of it.
    """

    def __post_init__(self) -> None:
        check(self.network.layers, self.optimizer, self.training, self.loss, self.schedule, self.augment)
        self.make_engine = TextbookEngine  # which has nothing to do: the processes have their own
        super().__post_init__()
        self._crew: WorkerPair | None = None

    def fit(self, progress: Progress) -> Progress:
        try:
            return super().fit(progress)
        finally:
            self.close()

    def train_epoch(self, progress: Progress) -> None:
        self._crew = self._crew or WorkerPair(self, progress)
        with blas_threads(1):
            self._crew.train_epoch(progress)

    def close(self) -> None:
        """End the other process."""
        if self._crew:
            self._crew.close()
            self._crew = None


class WorkerPair:
    """The rank of this process, and the other process."""

    def __init__(self, trainer: ParallelTrainer, progress: Progress) -> None:
        self.network, self.observers, dtype = trainer.network, trainer.observers, trainer.network.dtype
        rows = trainer.data.train.rows
        summand = max(2, trainer.batches.batch_size * widest_sum(trainer.network.layers))
        n_vectors = len(vectors(trainer.network, progress))
        self.memory = Memory(
            counters=SharedArray((2, 16), np.int64),
            areas=SharedArray((2, 2, summand), dtype),
            vectors=SharedArray((n_vectors, trainer.network.params.size), dtype),
            states=SharedArray((len(states(self.network, progress)), self.network.state.size), dtype),
            batches=SharedArray(shape_of_memory(trainer.batches), np.float32),
            rows=SharedArray(rows.shape, rows.dtype),
        )
        try:
            self.process = start(WORKER, os.getpid(), [array.fd for array in self.memory.arrays], subprocess.PIPE)
        except OSError as error:  # no memory, too many processes
            why = f"the second training process cannot be started ({error.strerror}): training.processes=1 needs none"
            raise RunFailed(why) from error
        self._send(loaded_plugins())
        # what follows is done while the other process imports what it needs
        is_plain = isinstance(self.network.layers[0], Dense) and not (trainer.training.mixup or trainer.augment.active)
        prepare = pack if is_plain and is_sparse(trainer.data.train) else unsorted
        examples = prepare(trainer.data.train, self.memory.rows.array)
        layers = [unbound(layer) for layer in self.network.layers]
        parts = (trainer.loss, trainer.optimizer, trainer.schedule, trainer.training, trainer.streams, trainer.augment)
        work = Work(layers, self.network.specs, self.network.state_specs, trainer.data, examples, *parts).with_rows(
            self.memory.rows.array
        )
        self._send((work.with_rows(rows[:1]), [array.description for array in self.memory.arrays]))
        watch = (lambda: self.process.poll() is not None, trainer.interrupted)
        self.side = Rank(work, self.memory, 0, *watch, self.observers, self.look)

    def train_epoch(self, progress: Progress) -> None:
        """One epoch of both sides, from and to the whole network and ``progress``.

        They are changed only if both shares come back and are of the same step: what is not whole is never seen outside.
        """
        self.progress = progress
        for whole, shared in self.vectors():
            shared[:] = whole
        self.memory.counters.array[:] = 0
        self.side.exchange.reset()
        news = without_vectors(progress)
        self._send(news)
        stop: StopTraining | None = None
        try:
            self.side.train_epoch(news)
        except PeerLost:
            pass  # the answer says why, or there is none
        except StopTraining as asked:
            self.side.rendezvous.stop()
            stop = asked
        answer = self._answer()
        if answer.error:
            raise RuntimeError(f"the second training process failed: {answer.error}")
        if answer.stop:
            stop = StopTraining(*answer.stop)
        steps = [self.side.after.step, answer.step]
        if steps[0] == steps[1]:
            self._collect(steps)
        elif stop is None or stop.status == "killed":
            raise RuntimeError(f"the two training processes ended at different steps: {steps[0]} and {steps[1]}")
        if stop:
            raise stop

    def vectors(self) -> Iterator[tuple[Array, Array]]:
        """The whole network's vectors and states, each beside its place in the shared memory."""
        yield from zip(vectors(self.network, self.progress), self.memory.vectors.array, strict=True)
        yield from zip(states(self.network, self.progress), self.memory.states.array, strict=True)

    def look(self, event: StepEnd) -> None:
        """Tell the observers of a step in the middle of an epoch, both shares of which are in the shared memory."""
        self._collect([event.step, event.step])
        self.observers.step(replace(event, network=self.network))

    def _collect(self, steps: list[int]) -> None:
        """Bring the whole network and the progress to where both sides have come, the ``steps``."""
        for whole, shared in self.vectors():
            whole[:] = shared
        progress, after = self.progress, self.side.after
        progress.optimizer.update(after.optimizer)
        progress.average.update(after.average)
        for name in ("batch", "step", "loss_sum", "n_correct", "n_seen", "seconds", "generators"):
            setattr(progress, name, getattr(after, name))
        progress.worker_steps = steps
        progress.tick()

    def _send(self, message: object) -> None:
        assert self.process.stdin
        try:
            pickle.dump(message, self.process.stdin)
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self._lost() from None

    def _answer(self) -> Answer:
        assert self.process.stdout
        try:
            answer: Answer = pickle.load(self.process.stdout)
        except (EOFError, pickle.UnpicklingError):
            raise self._lost() from None
        return answer

    def _lost(self) -> RunFailed:
        code = self.process.wait()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return RunFailed(f"the second training process {how}; the last checkpoint, if there is one, is untouched")

    def close(self) -> None:
        """End the other process: it ends with its input."""
        assert self.process.stdin
        assert self.process.stdout
        self.side.rendezvous.stop()  # it may wait in the middle of an epoch that an exception has ended here
        try:
            self.process.stdin.close()
            self.process.wait(timeout=5)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        for array in self.memory.arrays:
            array.close()
