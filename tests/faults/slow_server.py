"""A server between a run and its tracker, whose answers can be slowed down to a byte a second."""

import socket
import threading
import time

ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + b" " * 1000
"""An answer that takes minutes at a byte a second."""


class SlowServer:
    """Passes on what goes to ``port``, and what comes back: as it comes, or from `slow_down` on a byte at a time."""

    def __init__(self, port=None):
        self.target, self.pace = port, 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self._open = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def slow_down(self, seconds=1.0):
        self.pace = seconds

    def close(self):
        for each in self._open:
            each.close()

    def _accept(self):
        while True:
            try:
                ours, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(ours)
            threading.Thread(target=self._serve, args=(ours,), daemon=True).start()

    def _serve(self, ours):
        try:
            if self.target is None:
                ours.recv(65536)
                self._drip(
                    ours, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + b" " * 1000
                )
                return
            theirs = socket.create_connection(("127.0.0.1", self.target))
            self._open.append(theirs)
            threading.Thread(target=self._pass_on, args=(ours, theirs), daemon=True).start()
            while content := theirs.recv(65536):
                self._drip(ours, content)
        except OSError:
            pass
        finally:
            ours.close()

    def _drip(self, ours, content):
        while content:
            part = content[:1] if self.pace else content
            ours.sendall(part)
            content = content[len(part) :]
            time.sleep(self.pace)

    def _pass_on(self, ours, theirs):
        try:
            while content := ours.recv(65536):
                theirs.sendall(content)
        except OSError:
            pass
        finally:
            theirs.close()
