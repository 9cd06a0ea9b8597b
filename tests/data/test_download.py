"""Downloads from a real server in a thread, which cuts connections, lies and goes away."""

import gzip
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from idx_files import arrays, idx

from mnist_np.data import download as module
from mnist_np.data import fashion
from mnist_np.data.dataset import DataError
from mnist_np.data.download import download
from mnist_np.data.sources import FashionMNIST

CONTENT = np.random.default_rng(0).bytes(1_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves ``files`` by path. ``cut_after`` bytes it cuts a connection, as often as ``cuts`` says."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.requests, self.cuts, self.cut_after, self.ranges = {"/f": CONTENT}, [], 0, 300_000, True

    def url(self, path="/f"):
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.requests.append(wanted)
        if self.path not in server.files:
            return self.send_error(404)
        content = server.files[self.path]
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.ranges else 0
        if start >= len(content):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = len(content)
        if server.cuts:
            server.cuts -= 1
            stop = start + server.cut_after
        self.wfile.write(content[start:stop])
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "f"


def whole(path):
    return path.read_bytes() == CONTENT and sorted(p.name for p in path.parent.iterdir() if p.suffix != ".lock") == [path.name]


def test_fetches_once(server, path):
    download([server.url()], path, SHA256)
    download([server.url()], path, SHA256)
    assert whole(path)
    assert server.requests == [None]


def test_continues_a_cut_connection(server, path):
    server.cuts = 2
    download([server.url()], path, SHA256)
    assert whole(path)
    assert server.requests == [None, "bytes=300000-", "bytes=600000-"]


def test_continues_what_an_earlier_call_began(server, path):
    server.cuts = 3
    with pytest.raises(DataError, match="/f: the connection was cut after 900,000 bytes"):
        download([server.url()], path, SHA256)
    assert not path.exists()
    download([server.url()], path, SHA256)
    assert whole(path)
    assert server.requests[-1] == "bytes=900000-"


def test_server_that_knows_no_ranges(server, path):
    server.ranges, server.cuts = False, 1
    download([server.url()], path, SHA256)
    assert whole(path)
    assert len(server.requests) == 2


def test_complete_part(server, path):
    path.parent.mkdir()
    path.with_name("f.part").write_bytes(CONTENT)
    download([server.url()], path, SHA256)
    assert whole(path)


@pytest.mark.parametrize("rubbish", [b"x" * 10, b"x" * 2_000_000])
def test_part_of_something_else_is_thrown_away(server, path, rubbish):
    path.parent.mkdir()
    path.with_name("f.part").write_bytes(rubbish)
    download([server.url()], path, SHA256)
    assert whole(path)


def test_wrong_content_is_never_kept(server, path):
    server.files["/f"] = b"something else"
    found = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(DataError, match=f"/f: expected a file with SHA-256 {SHA256}, found {found}$"):
        download([server.url()], path, SHA256)
    assert [p.name for p in path.parent.iterdir() if p.suffix != ".lock"] == []
    assert len(server.requests) == 1


def test_next_address_is_tried(server, path):
    server.files["/wrong"] = b"something else"
    download([server.url("/wrong"), server.url("/missing"), "http://127.0.0.1:9/", server.url()], path, SHA256)
    assert whole(path)


def test_says_what_each_address_answered(server, path):
    with pytest.raises(DataError) as caught:
        download([server.url("/missing"), "http://127.0.0.1:9/f"], path, SHA256)
    missing, refused = str(caught.value).split("; ")
    assert missing == f"{server.url('/missing')}: the server answers 404 Not Found"
    assert refused.startswith("http://127.0.0.1:9/f: no connection (")
    assert "refused" in refused


def test_endless_download_is_given_up(server, path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 500_000)
    with pytest.raises(DataError, match="it sends more than 500,000 bytes"):
        download([server.url()], path, SHA256)
    assert not path.with_name("f.part").exists()


def test_silent_server(path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server() as silent, pytest.raises(DataError, match="timed out"):  # accepts, but nobody serves
        download([silent.url()], path, SHA256, timeout=0.05)


def test_where_nothing_can_be_written(server, tmp_path):
    (tmp_path / "new").write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"new/f cannot be written: .*File exists"):
        download([server.url()], tmp_path / "new" / "f", SHA256)


def test_two_at_once_fetch_once(server, path):
    threads = [threading.Thread(target=download, args=([server.url()], path, SHA256)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert whole(path)
    assert server.requests == [None]


@pytest.fixture
def publisher(server, monkeypatch, tmp_path):
    """The server as Fashion-MNIST's, on a machine that has neither the package nor a download."""
    server.files = {f"/{name}.gz": gzip.compress(idx(array), mtime=0) for name, array in arrays(classes=10).items()}
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path / "no package")
    monkeypatch.setattr(fashion, "ADDRESSES", (server.url("/"),))
    hashes = {name[1:]: hashlib.sha256(content).hexdigest() for name, content in server.files.items()}
    inner = {name[1:-3]: hashlib.sha256(gzip.decompress(content)).hexdigest() for name, content in server.files.items()}
    monkeypatch.setattr(fashion, "SHA256", hashes)
    monkeypatch.setattr(fashion, "DECOMPRESSED_SHA256", inner)
    monkeypatch.setenv("MNIST_NP_CACHE", str(tmp_path / "cache"))
    return server


def test_fashion_mnist_is_downloaded_once(publisher):
    for _ in range(2):
        data = FashionMNIST(validation_size=0).load(np.random.default_rng(0))
    assert (len(data.train), len(data.test)) == (20, 8)
    assert len(publisher.requests) == 4


def test_fashion_mnist_offline_names_the_ways_out(publisher, monkeypatch):
    monkeypatch.setattr(fashion, "ADDRESSES", ("http://127.0.0.1:9/",))
    with pytest.raises(DataError) as caught:
        FashionMNIST().load(np.random.default_rng(0))
    for part in ("not on this machine", "no connection", "data.folder=PATH", "dataset-fashion-mnist"):
        assert part in str(caught.value)
    monkeypatch.setenv("MNIST_NP_CACHE", "off")
    with pytest.raises(DataError, match=r"no cache folder to download it to \(MNIST_NP_CACHE\)"):
        FashionMNIST().load(np.random.default_rng(0))


def test_a_file_that_is_there_but_another_is_fetched_anew(server, tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"forged")
    download([server.url()], path, SHA256)
    assert path.read_bytes() == CONTENT
    download([server.url()], path, SHA256)
    assert len(server.requests) == 1
    path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(DataError, match="404"):
        download([server.url("/nowhere")], path, SHA256)


def test_fashion_mnist_of_others_is_not_taken_for_it(server, tmp_path, monkeypatch):
    """Neither in the cache, where it is fetched anew, nor where Debian's package lies."""
    monkeypatch.setenv("MNIST_NP_CACHE", str(tmp_path))
    for place in (tmp_path / "fashion-mnist", tmp_path / "debian"):
        place.mkdir()
        for name, array in arrays().items():
            (place / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path / "nowhere")
    monkeypatch.setattr(fashion, "ADDRESSES", (server.url("/"),))
    with pytest.raises(DataError, match="downloading it failed"):
        FashionMNIST(validation_size=0).read()
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path / "debian")
    with pytest.raises(DataError, match="expected the original file"):
        FashionMNIST(validation_size=0).read()
    assert FashionMNIST(validation_size=0, folder=str(tmp_path / "debian")).read().name == "fashion_mnist"
