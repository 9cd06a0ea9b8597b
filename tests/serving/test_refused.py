"""`serve` over real HTTP: bad, large, slow and foreign requests are refused clearly."""

import http.client
import io
import json
import re

import numpy as np
import pytest
from http_requests import as_png, ask
from PIL import Image

from mnist_np.serving import requests

REFUSED = {
    "no JSON": (b"{", "the request is not JSON"),
    "deep": (b"[" * 100_000, "the request is not JSON"),
    "a list": ([1, 2], "must be a JSON object with one of the keys inputs, instances"),
    "no key": ({"data": []}, "must be a JSON object"),
    "two keys": ({"inputs": [], "instances": []}, "must be a JSON object"),
    "nothing": ({"inputs": []}, "at least one"),
    "null": ({"inputs": None}, "must be a list"),
    "wrong width": ({"inputs": [[0.0, 1.0]]}, "each image must be 784 numbers, or 28 rows of 28, not 2"),
    "ragged": ({"inputs": [[0.0], [0.0, 1.0]]}, "each image must be 784 numbers"),
    "texts": ({"inputs": [["a"] * 784]}, "each image must be 784 numbers"),
    "numbers": ({"inputs": [1, 2, 3]}, "not one number"),
    "bytes": ({"inputs": [[255] * 784]}, "bytes are divided by 255"),
    "negative": ({"inputs": [[-0.1] * 784]}, "between 0 (black) and 1 (white)"),
    "not a number": (b'{"inputs": [[' + b",".join([b"NaN"] * 784) + b"]]}", "between 0"),
    "huge": ({"inputs": [[10**400] * 784]}, "each image must be 784 numbers"),
    "too many": ({"inputs": [[0]] * 10_001}, "10,001 images are too many"),
    "records": ({"dataframe_records": [1]}, "all rows must be objects with the same columns"),
    "other columns": ({"dataframe_records": [{"a": 0}, {"b": 0}]}, "all rows must be objects with the same columns"),
    "no records": ({"dataframe_records": 5}, "dataframe_records: must be a list of images"),
    "columns": ({"dataframe_split": {"columns": ["a"], "data": [[0, 0]]}}, "columns must be a list with a name for each"),
    "split": ({"dataframe_split": [1]}, "must be a list"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_a_bad_request_is_answered_with_what_is_expected(server, content, message):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    status, found = ask(server, "invocations", body)
    assert status == 400
    assert message in found["error"]


@pytest.mark.parametrize(
    "body",
    [b"", b"hello", b"\x89PNG\r\n\x1a\n", as_png(np.random.default_rng(0).random(784))[:200]],
    ids=["empty", "text", "head", "half"],
)
def test_what_is_no_picture(server, body):
    status, found = ask(server, "predict", body)
    assert status == 400
    assert found["error"].startswith("the picture")


def test_a_picture_of_too_many_pixels_is_not_decoded(server):
    file = io.BytesIO()
    Image.new("1", (5000, 5000)).save(file, "PNG")
    status, found = ask(server, "predict", file.getvalue())
    assert status == 400
    assert "5000 x 5000 pixels are too many" in found["error"]


def test_addresses(server):
    assert ask(server, "predict") == (405, {"error": "/predict does not take GET"})
    assert ask(server, "nowhere") == (404, {"error": "there is no /nowhere"})
    assert ask(server, "predict?model=nobody", b"x") == (
        404,
        {"error": "there is no model 'nobody'; GET /models lists those that there are"},
    )
    assert ask(server, "models") == (200, [{"id": "usual", "label": "usual"}])
    status, health = ask(server, "health")
    assert (status, health["status"], health["parameters"]) == (200, "ok", 109_386)
    assert ask(server, "health", Host="attacker.example")[0] == 400, "another site's name for this address"


def test_what_is_too_large_is_not_read(server):
    host, port = re.match(r"http://(.+):(\d+)/", server).groups()
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.putrequest("POST", "/invocations")
    connection.putheader("Content-Length", str(requests.MOST_BYTES + 1))
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 413
    assert "at most 64 MB" in json.loads(response.read())["error"]


def test_a_slow_body_is_given_up(monkeypatch):
    import asyncio

    class Slow:
        def __init__(self):
            self.headers = {}

        async def stream(self):
            yield b"{"
            await asyncio.sleep(60)

    monkeypatch.setattr(requests, "SECONDS", 0.05)
    with pytest.raises(requests.Refused, match="longer than") as refused:
        asyncio.run(requests.body_of(Slow()))
    assert refused.value.status == 408
