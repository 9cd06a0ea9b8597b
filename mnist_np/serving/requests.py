"""Limits on requests, their size and time; and the server's statistics."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter

from starlette.requests import Request

MOST_BYTES = 64 << 20
"""Bytes of a request: ten thousand images as JSON, or a large photograph."""

SECONDS = 20.0
"""Within which a request's body must have come."""

BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Seconds, the upper bounds of the histogram of answers."""


class Refused(Exception):  # noqa: N818 (of a request)
    """A request that is not read. ``status`` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def body_of(request: Request) -> bytes:
    """The body of a request. Raises Refused if it is too large or too slow."""
    body = bytearray()
    too_large = Refused(413, f"the request is too large: at most {MOST_BYTES >> 20} MB are read")
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:20]) > MOST_BYTES:
        raise too_large
    try:
        async with asyncio.timeout(SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise too_large
    except TimeoutError:
        raise Refused(408, f"the request took longer than {SECONDS:g} s to arrive") from None
    return bytes(body)


class Statistics:
    """Requests by path and status, and how long the answers took, in the text format of Prometheus."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.buckets: Counter[float] = Counter()
        self.seconds, self.images = 0.0, 0
        self._lock = threading.Lock()

    def count(self, path: str, status: int, seconds: float) -> None:
        """Count an answer."""
        with self._lock:
            self.requests[path, status] += 1
            self.seconds += seconds
            for bound in BUCKETS:
                self.buckets[bound] += seconds <= bound

    def classified(self, n: int) -> None:
        """Count images that were classified."""
        with self._lock:
            self.images += n

    def text(self) -> str:
        """All of them."""
        with self._lock:
            n = sum(self.requests.values())
            lines = ["# TYPE mnist_np_requests_total counter"]
            lines += [f'mnist_np_requests_total{{path="{p}",status="{s}"}} {k}' for (p, s), k in sorted(self.requests.items())]
            lines += ["# TYPE mnist_np_images_total counter", f"mnist_np_images_total {self.images}"]
            lines += ["# TYPE mnist_np_request_seconds histogram"]
            lines += [f'mnist_np_request_seconds_bucket{{le="{bound:g}"}} {self.buckets[bound]}' for bound in BUCKETS]
            lines += [f'mnist_np_request_seconds_bucket{{le="+Inf"}} {n}']
            lines += [f"mnist_np_request_seconds_sum {self.seconds:.6f}", f"mnist_np_request_seconds_count {n}"]
        return "\n".join(lines) + "\n"
