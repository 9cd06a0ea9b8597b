"""The server's addresses.

GET / the page to draw on; GET /models; GET /health; GET /metrics; POST /invocations (JSON as MLflow's servers take it); POST
/predict and /look (a picture as the body). ``?model=ID`` chooses another network than the default.
"""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mnist_np import __version__
from mnist_np.component import UserError
from mnist_np.data.pictures import Gray, read_picture
from mnist_np.serving.answers import BadInputError, answer, classify, invocation, look
from mnist_np.serving.models import Models, UnknownModelError
from mnist_np.serving.requests import Refused, Statistics, body_of
from mnist_np.storage.weights import Weights

PAGE = Path(__file__).with_name("draw.html")

MOST_PIXELS = 1 << 24
"""Pixels of an uploaded picture: those of a good telephone's."""

SECURITY = {
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Headers of all answers."""


def make_app(models: Models, hosts: list[str]) -> Starlette:
    """The application that answers with ``models``, to requests that name one of ``hosts`` as theirs."""
    statistics = Statistics()

    def route(path: str, method: str, handler: Callable[[Request], Awaitable[Response]]) -> Route:
        async def counted(request: Request) -> Response:
            began = perf_counter()
            response = await answered(handler, request)
            response.headers.update(SECURITY)
            statistics.count(path, response.status_code, perf_counter() - began)
            return response

        return Route(path, counted, methods=[method])

    async def page(request: Request) -> Response:
        return HTMLResponse(PAGE.read_text(encoding="utf-8"))

    async def models_there(request: Request) -> Response:
        return JSONResponse([{"id": entry.id, "label": entry.label} for entry in models.entries.values()])

    async def health(request: Request) -> Response:
        weights = await run_in_threadpool(models.get)
        n = len(weights.network.params)
        return JSONResponse({"status": "ok", "model": next(iter(models.entries)), "parameters": n, "version": __version__})

    async def metrics(request: Request) -> Response:
        return PlainTextResponse(statistics.text(), media_type="text/plain; version=0.0.4")

    async def invocations(request: Request) -> Response:
        body, name = await body_of(request), request.query_params.get("model")

        def work() -> Response:
            try:
                content = json.loads(body)
            except (ValueError, RecursionError):
                raise BadInputError("the request is not JSON") from None
            found = invocation(models.get(name), content)
            statistics.classified(len(found["predictions"]))
            return JSONResponse(found)

        return await run_in_threadpool(work)

    def of_picture(make: Callable[[Weights, Gray], dict[str, object]]) -> Callable[[Request], Awaitable[Response]]:
        async def handler(request: Request) -> Response:
            body, name = await body_of(request), request.query_params.get("model")

            def work() -> Response:
                weights = models.get(name)
                image = read_picture(io.BytesIO(body), weights.image_shape, most=MOST_PIXELS)
                statistics.classified(1)
                return JSONResponse(make(weights, image))

            return await run_in_threadpool(work)

        return handler

    def predict(weights: Weights, image: Gray) -> dict[str, object]:
        return answer(weights, classify(weights, image.reshape(1, -1))[0])

    routes = [
        route("/", "GET", page),
        route("/models", "GET", models_there),
        route("/health", "GET", health),
        route("/metrics", "GET", metrics),
        route("/invocations", "POST", invocations),
        route("/predict", "POST", of_picture(predict)),
        route("/look", "POST", of_picture(look)),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)],
        exception_handlers={HTTPException: no_route},
    )


async def no_route(request: Request, error: Exception) -> Response:
    """The answer at an address that there is not, or for a method that it does not take."""
    assert isinstance(error, HTTPException)
    message = f"there is no {request.url.path[:80]}"
    if error.status_code == 405:
        message = f"{request.url.path} does not take {request.method[:80]}"
    return JSONResponse({"error": message}, error.status_code, headers=SECURITY | dict(error.headers or {}))


async def answered(handler: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
    """The handler's response, or what was wrong with the request, as JSON."""
    try:
        return await handler(request)
    except Refused as error:
        return JSONResponse({"error": str(error)}, error.status, headers={"Connection": "close"})
    except UnknownModelError as error:
        return JSONResponse({"error": str(error)}, 404)
    except UserError as error:
        return JSONResponse({"error": str(error)}, 400)
    except ClientDisconnect:
        return JSONResponse({"error": "the client left before the request was whole"}, 400)
    except MemoryError:
        return JSONResponse({"error": "there is not enough memory for this request"}, 503)
