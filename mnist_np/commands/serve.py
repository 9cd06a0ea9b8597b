"""HTTP servers of a trained network: for programs (`serve`), and with a page to draw digits on (`draw`).

python scripts/serve.py RUN
curl --data-binary @digit.png http://127.0.0.1:8000/predict
curl -H 'Content-Type: application/json' -d @images.json http://127.0.0.1:8000/invocations
python scripts/draw.py

/invocations takes JSON as MLflow's own servers do: {"inputs": [[...], ...]}, each image 784 numbers between 0 (black) and 1
(white). /predict takes a picture of one character, as the command predict does. GET /health and /metrics (for Prometheus).
"""

from __future__ import annotations

import argparse
import signal
import socket
import webbrowser
from pathlib import Path
from threading import Timer

from mnist_np.commands.numbers import PORTS, whole_number
from mnist_np.commands.saved import parser, plugins, reports_user_errors, saved_weights
from mnist_np.component import UserError
from mnist_np.engine.threads import blas_threads
from mnist_np.invocation import command
from mnist_np.serving.models import Entry, Models, of_runs, of_weights

PORT = 8000

AT_ONCE = 64
"""Connections that are answered at a time; others get 503."""

LAST_SECONDS = 5
"""Seconds that requests under way have to end when the server is stopped."""


@reports_user_errors
def serve() -> int:
    """Serve the run that ``sys.argv`` names until Ctrl-C. Gives the exit code."""
    arguments = server_parser(parser(__doc__, "a run's folder, its MLflow run id, or a weights file"))
    chosen = arguments.parse_args()
    plugins(chosen)
    with saved_weights(chosen.run, chosen.outputs, chosen.uri) as weights:
        entry = of_weights(Path(chosen.run).name or chosen.run, weights)
    return run([entry], chosen, page=False)


@reports_user_errors
def draw() -> int:
    """Serve the drawing page for one run or all of them until Ctrl-C. Gives the exit code."""
    run_help = "a run's folder, its MLflow run id, or a weights file (default: choose among all runs)"
    arguments = server_parser(parser(DRAW, run_help, optional=True))
    arguments.add_argument("--no-browser", action="store_true", help="only print the address")
    chosen = arguments.parse_args()
    plugins(chosen)
    entries = of_runs(chosen.outputs)
    if chosen.run:
        with saved_weights(chosen.run, chosen.outputs, chosen.uri) as weights:
            entries.insert(0, of_weights(chosen.run, weights))
    if not entries:
        raise UserError(f"no run under {chosen.outputs} has left weights yet. The first: {command('train')}")
    return run(entries, chosen, page=True)


DRAW = """A page on which a digit is drawn, and a network answers while it is drawn: its probabilities, what it sees, its layers.

python scripts/draw.py
python scripts/draw.py RUN --port 8080 --no-browser
"""


def server_parser(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The arguments of both commands."""
    made.add_argument("--host", default="127.0.0.1", help="the address to listen on (%(default)s: this machine alone)")
    made.add_argument(
        "--port", type=whole_number(PORTS), default=None, help=f"the port (default: {PORT}, or a free one if it is taken)"
    )
    return made


def run(entries: list[Entry], chosen: argparse.Namespace, page: bool) -> int:
    """Answer requests until a signal comes."""
    import uvicorn

    from mnist_np.serving.app import make_app

    models = Models(entries)
    models.get()  # a bad file is refused here
    listening = bound(chosen.host, chosen.port)
    address = f"http://{chosen.host}:{listening.getsockname()[1]}"
    local = chosen.host in ("127.0.0.1", "localhost")
    app = make_app(models, ["127.0.0.1", "localhost"] if local else ["*"])
    config = uvicorn.Config(
        app,
        log_level="warning",
        limit_concurrency=AT_ONCE,
        timeout_graceful_shutdown=LAST_SECONDS,
        server_header=False,
    )
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn ends at them, and then raises them again
        signal.signal(number, lambda *_: None)
    print(f"{address}/\nCtrl-C ends it.", flush=True)
    if page and not chosen.no_browser:
        Timer(0.5, webbrowser.open, [address]).start()
    with listening, blas_threads(1):
        uvicorn.Server(config).run(sockets=[listening])
    return 0


def bound(host: str, wanted: int | None) -> socket.socket:
    """A socket on the port that is wanted; on `PORT`, or a free one, where none is. Raises UserError where it is taken."""
    for number in (wanted,) if wanted else (PORT, 0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sends at once if it is called TCP
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, number))
            listening.listen(AT_ONCE)  # requests may come as soon as the address is printed
        except OSError as error:
            listening.close()
            if wanted or number == 0:
                raise UserError(f"cannot listen on {host}, port {number}: {error.strerror}") from None
        else:
            return listening
    raise AssertionError
