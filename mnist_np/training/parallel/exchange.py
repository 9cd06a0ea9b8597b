"""How the two processes wait for each other and add up what each has computed, within a few microseconds."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep

import numpy as np
from numpy.typing import NDArray

from mnist_np.machine import yield_core
from mnist_np.nn.arrays import Array

SPINS = 3000
"""Looks at the other's counter before the core is offered to others: some 150 us, more than a fair wait takes."""
OFFERS = 1000
"""... and how often it is, before this process sleeps for `NAP` seconds at a time and checks that the other still runs."""
NAP = 0.0002


class PeerLost(Exception):  # noqa: N818 (not an error of this process)
    """The other process has stopped or is gone."""


class Rendezvous:
    """Two processes count their arrivals in shared memory; each waits until the other has come as often as itself.

    ``counters`` (2, 16) int64, a cache line each and more: [arrivals, stopped, ...]. A store becomes visible only after those
    before it (what was written before `arrive` is there when the other's `wait` returns): that is so on x86 processors, and
    `check_machine` refuses others.
    """

    def __init__(self, counters: NDArray[np.int64], rank: int, gone: Callable[[], bool]) -> None:
        self._counters = counters.reshape(-1).data
        self._mine, self._theirs = 16 * rank, 16 * (1 - rank)
        self._gone = gone
        self.arrivals = 0

    def reset(self) -> None:
        """Begin anew, as both must, after the counters were cleared."""
        self.arrivals = 0

    def arrive(self) -> None:
        """Tell that this process has come so far."""
        self.arrivals += 1
        self._counters[self._mine] = self.arrivals

    def wait(self) -> None:
        """Return once the other has arrived as often. Raises PeerLost if it never will."""
        counters, theirs, arrivals = self._counters, self._theirs, self.arrivals
        for _ in range(SPINS):
            if counters[theirs] >= arrivals:
                return
        self._wait_long()

    def stop(self) -> None:
        """Tell that this process will not come any more."""
        self._counters[self._mine + 1] = 1

    def _wait_long(self) -> None:
        offers = 0
        while self._counters[self._theirs] < self.arrivals:
            if self._counters[self._theirs + 1]:
                raise PeerLost("the other process has stopped")
            if offers < OFFERS:
                offers += 1
                yield_core()
            elif self._gone():
                raise PeerLost("the other process is gone")
            else:
                sleep(NAP)


class Exchange:
    """Sums of one summand from each process, always in the same order, so that both get the same bits.

    ``areas`` (2, 2, size): a process's summand lies in ``areas[rank, turn]``. The turns alternate, so that a summand is not
    written while the other process may still read the last one.
    """

    def __init__(self, areas: Array, rendezvous: Rendezvous, rank: int) -> None:
        self.areas, self.rendezvous, self.rank, self.turn = areas, rendezvous, rank, 0

    def reset(self) -> None:
        """Begin anew, as `Rendezvous.reset`."""
        self.rendezvous.reset()
        self.turn = 0

    def summand(self, shape: tuple[int, ...]) -> Array:
        """Where this process is to write its summand."""
        return self._area(self.rank, shape)

    def send(self) -> None:
        """The summand is written."""
        self.rendezvous.arrive()

    def total(self, out: Array) -> None:
        """Write the sum of both summands into ``out``, once they are there."""
        self.rendezvous.wait()
        np.add(self._area(0, out.shape), self._area(1, out.shape), out=out)
        self.turn = 1 - self.turn

    def _area(self, rank: int, shape: tuple[int, ...]) -> Array:
        area: Array = self.areas[rank, self.turn, : shape[0] * shape[1]].reshape(shape)
        return area
