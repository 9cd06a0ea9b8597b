"""Downloads that end with the right bytes under the right name, or with an error: checked, atomic, continued where cut off."""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from mnist_np.data.dataset import DataError
from mnist_np.files import open_regular

log = logging.getLogger(__name__)

LARGEST = 256 << 20
"""Bytes after which a download is given up: whatever it is, it is not the file."""
CHUNK = 1 << 18
ATTEMPTS = 3
"""Connections per address: one that is cut is continued."""


def download(addresses: Sequence[str], path: Path, sha256: str, timeout: float = 20) -> None:
    """Fetch ``path`` from the first address that has it, unless it is there already with this SHA-256.

    What has come so far lies in ``<path>.part`` and is continued (HTTP Range), by this call or a later one. Raises DataError when
    no address gives the file with this SHA-256, saying what each answered.
    """
    from filelock import FileLock, Timeout

    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(f"{path}.lock", timeout=600):
            if path.exists() and _sha256(path) == sha256:
                return
            failures = []
            for address in addresses:
                failure = _from_address(address, path, sha256, timeout)
                if failure is None:
                    return
                failures.append(f"{address}: {failure}")
            raise DataError("; ".join(failures))
    except (OSError, Timeout) as error:
        raise DataError(f"{path} cannot be written: {error}") from None


class TooLargeError(Exception):
    """The download is larger than the file can be."""


def _from_address(address: str, path: Path, sha256: str, timeout: float) -> str | None:
    """Try one address. Says why it failed, or None when ``path`` is there, whole and right."""
    part = path.with_name(f"{path.name}.part")
    failure = ""
    for _ in range(ATTEMPTS):
        begun_by_another = part.exists()
        try:
            complete = _continue(address, part, timeout)
        except HTTPError as error:
            error.close()
            return f"the server answers {error.code} {error.reason}"
        except URLError as error:
            return f"no connection ({error.reason})"
        except TooLargeError as error:
            part.unlink()
            return str(error)
        except (OSError, http.client.HTTPException) as error:
            failure = str(error) or type(error).__name__
            continue
        if not complete:
            failure = f"the connection was cut after {part.stat().st_size:,} bytes"
            continue
        found = _sha256(part)
        if found == sha256:
            os.replace(part, path)
            return None
        part.unlink()  # wrong bytes cannot be continued
        failure = f"expected a file with SHA-256 {sha256}, found {found}"
        if not begun_by_another:
            return failure
    return failure


def _continue(address: str, part: Path, timeout: float) -> bool:
    """Append to ``part`` what is missing; whether all has come that the server announced."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "mnist-np"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        response = urlopen(Request(address, headers=headers), timeout=timeout)
    except HTTPError as error:
        if error.code == 416 and have:  # nothing after what is here: either whole or something else
            error.close()
            return True
        raise
    with response:
        continued = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        announced = response.headers.get("Content-Length")
        log.info("downloading %s (%s bytes%s)", address, announced or "?", ", continued" if continued else "")
        received = 0
        with part.open("ab" if continued else "wb") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                received += len(chunk)
                if file.tell() > LARGEST:
                    raise TooLargeError(f"it sends more than {LARGEST:,} bytes")
        return announced is None or received == int(announced)


def _sha256(path: Path) -> str:
    with open(open_regular(path, follow=True), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
