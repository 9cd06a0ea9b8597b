"""`serve` over real HTTP: right answers, clear refusals, and an end that loses no request."""

import http.client
import io
import json
import re
import signal
import socket
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image
from servers import running

from mnist_np.data.sources import MNIST
from mnist_np.serving import requests
from mnist_np.storage.weights import load_weights


@pytest.fixture(scope="module")
def server(outputs):
    with running("serve", outputs / "runs/today/usual") as (address, _):
        yield address


@pytest.fixture(scope="module")
def weights(outputs):
    return load_weights(outputs / "runs/today/usual/weights.safetensors")


@pytest.fixture(scope="module")
def images():
    return MNIST().load(np.random.default_rng(0)).test


def ask(address, path, body=None, **headers):
    """Status and answer."""
    request = urllib.request.Request(address + path, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            status, content = response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        status, content = error.code, error.read().decode()
    try:
        return status, json.loads(content)
    except ValueError:
        return status, content


def invoke(address, content):
    return ask(address, "invocations", json.dumps(content).encode())


def as_png(pixels):
    file = io.BytesIO()
    Image.fromarray(np.round(pixels.reshape(28, 28) * 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("key", ["inputs", "instances"])
@pytest.mark.parametrize("form", ["flat", "square"])
def test_images_as_json(server, weights, images, key, form):
    X = images.X[:7]
    rows = X.reshape(7, 28, 28) if form == "square" else X
    status, found = invoke(server, {key: rows.tolist()})
    assert status == 200
    assert found["predictions"] == [weights.class_names[k] for k in weights.network.predict(weights.pixels(X))]
    np.testing.assert_allclose(found["probabilities"], weights.network.predict_proba(weights.pixels(X)), atol=1e-6)
    assert found["classes"] == list("0123456789")


def test_the_other_forms_of_mlflow(server, images):
    rows = images.X[:2].tolist()
    names = [f"p{i}" for i in range(784)]
    answers = [
        invoke(server, content)[1]["predictions"]
        for content in (
            {"inputs": rows},
            {"inputs": {"images": rows}},
            {"dataframe_split": {"columns": names, "data": rows}},
            {"dataframe_records": [dict(zip(names, row, strict=True)) for row in rows]},
        )
    ]
    assert all(answer == answers[0] for answer in answers)


def test_a_picture(server, weights, images):
    status, found = ask(server, "predict", as_png(images.X[0]))
    assert status == 200
    assert (found["class"], len(found["probabilities"])) == ("7", 10)
    assert found["probability"] == max(found["probabilities"].values()) == found["probabilities"]["7"]
    P = weights.network.predict_proba(weights.pixels(images.X[:1]))[0]
    np.testing.assert_allclose(list(found["probabilities"].values()), P, atol=0.01)  # bytes there


def test_what_the_page_shows(server, images):
    status, found = ask(server, "look", as_png(images.X[0]))
    assert status == 200
    assert np.shape(found["image"]) == (28, 28)
    assert [(layer["name"], len(layer["values"])) for layer in found["layers"]] == [("ReLU", 128), ("ReLU", 64)]


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
    "records": ({"dataframe_records": [1]}, "each image must be 784 numbers"),
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


def test_eight_clients_at_once_and_a_slow_one(server, weights, images):
    host, port = re.match(r"http://(.+):(\d+)/", server).groups()
    slow = socket.create_connection((host, int(port)))
    slow.sendall(b"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{")
    found = {}

    def client(i):
        for k in range(i, i + 40, 8):
            found[k] = invoke(server, {"inputs": images.X[k : k + 1].tolist()})[1]["predictions"]

    threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = weights.network.predict(weights.pixels(images.X[:40]))
    assert [found[k] for k in range(40)] == [[str(k)] for k in expected]
    slow.close()


def test_an_answer_does_not_wait_for_the_acknowledgement_of_its_head(server, images):
    """Head and body are sent one after the other, and a client acknowledges the first after 40 ms if nothing follows."""
    host, port = re.match(r"http://(.+):(\d+)/", server).groups()
    connection, body = http.client.HTTPConnection(host, int(port)), json.dumps({"inputs": images.X[:1].tolist()})
    seconds = []
    for _ in range(40):
        began = time.perf_counter()
        connection.request("POST", "/invocations", body)
        connection.getresponse().read()
        seconds.append(time.perf_counter() - began)
    connection.close()
    assert min(seconds[10:]) < 0.035  # the first ones are acknowledged at once


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


def test_requests_are_counted(server, images):
    invoke(server, {"inputs": images.X[:3].tolist()})

    def number(text, name):
        return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)[1])

    before = ask(server, "metrics")[1]
    assert invoke(server, {"inputs": images.X[:5].tolist()})[0] == 200
    after = ask(server, "metrics")[1]
    name = 'mnist_np_requests_total{path="/invocations",status="200"}'
    assert number(after, name) - number(before, name) == 1
    assert number(after, "mnist_np_images_total") - number(before, "mnist_np_images_total") == 5
    assert number(after, 'mnist_np_request_seconds_bucket{le="+Inf"}') == number(after, "mnist_np_request_seconds_count")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_when_what_was_asked_is_answered(outputs, images, number):
    body = json.dumps({"inputs": images.X[:200].tolist()}).encode()
    head = f"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    with running("serve", outputs / "runs/today/small") as (address, process):
        host, port = re.match(r"http://(.+):(\d+)/", address).groups()
        with socket.create_connection((host, int(port)), timeout=20) as client:
            client.sendall(head.encode())
            assert client.recv(1000).startswith(b"HTTP/1.1 100 "), "it waits for the body"
            process.send_signal(number)
            time.sleep(0.2)
            client.sendall(body)
            answer = b"".join(iter(lambda: client.recv(1 << 16), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert len(json.loads(answer.partition(b"\r\n\r\n")[2])["predictions"]) == 200
        assert process.wait(20) == 0


def test_a_taken_port_is_said(server, outputs, capsys, monkeypatch):
    import sys

    from mnist_np.commands.serve import serve

    port = re.search(r":(\d+)/", server)[1]
    monkeypatch.setattr(sys, "argv", ["serve.py", str(outputs / "runs/today/usual"), "--port", port])
    assert serve() == 2
    assert f"port {port}: Address already in use" in capsys.readouterr().err
