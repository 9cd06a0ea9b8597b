"""`serve` over real HTTP: right answers, and an end that loses no request."""

import http.client
import json
import re
import signal
import socket
import threading
import time

import numpy as np
import pytest
from http_requests import as_png, ask, invoke
from servers import running


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


@pytest.mark.parametrize("names", [[f"p{i}" for i in range(784)], list(range(1, 785))], ids=["from 0", "from 1"])
def test_columns_are_in_the_order_of_their_numbers(server, images, names):
    """Whatever sorts them by their texts, as ``json.dumps(sort_keys=True)`` does."""
    expected = invoke(server, {"inputs": images.X[:2].tolist()})[1]
    records = [dict(sorted(zip(map(str, names), row.tolist(), strict=True))) for row in images.X[:2]]
    records[1] = dict(reversed(records[1].items()))
    order = np.argsort(list(map(str, names)))
    table = {"columns": [names[i] for i in order], "data": images.X[:2, order].tolist()}
    assert invoke(server, {"dataframe_records": records}) == (200, expected)
    assert invoke(server, {"dataframe_split": table}) == (200, expected)


def test_columns_without_numbers_are_in_the_order_given(server, images):
    names, row = [f"p{i}{i}" for i in range(784, 0, -1)], images.X[0].tolist()
    expected = invoke(server, {"inputs": [row]})
    assert invoke(server, {"dataframe_records": [dict(zip(names, row, strict=True))]}) == expected
    assert invoke(server, {"dataframe_split": {"columns": names, "data": [row]}}) == expected


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
