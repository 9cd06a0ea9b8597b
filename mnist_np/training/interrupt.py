"""Ctrl-C, SIGTERM and SIGHUP as a request that the training loop takes up between two steps, so that nothing is cut in half."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""A person's Ctrl-C, a scheduler's or system's stop, a terminal that is closed."""


class Interrupt:
    """A context in which the first of `SIGNALS` is only noted; calling the object gives its name, or None.

    A second SIGINT raises KeyboardInterrupt, for who cannot wait. A SIGHUP that is ignored (``nohup``) stays so. Outside the
    main thread, where Python takes no signals, it does nothing.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __call__(self) -> str | None:
        return self.signal.name if self.signal else None

    @property
    def exit_code(self) -> int:
        """128 + the signal's number, as a shell reports it; 0 without a signal."""
        return 128 + self.signal if self.signal else 0

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if number in (signal.SIGINT, signal.SIGTERM) or signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number)


@contextmanager
def signals_blocked() -> Iterator[None]:
    """`SIGNALS` that arrive in this thread meanwhile wait for the end of the block.

    A process that is started meanwhile inherits the block and keeps it from its first instruction on: it leaves stops to us.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
