"""Fetching published weights, from a server on the loopback address that behaves and misbehaves."""

import http.server
import io
import threading

import numpy as np
import pytest

from keras_kd.models import bit_resnet
from keras_kd.models.bit.published import PUBLISHED, Published, bit_file
from keras_kd.models.download import fetch


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server of `.content`, that counts `.hits` and can promise more than it sends."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.hits += 1
            self.send_response(self.server.status)
            self.send_header("Content-Length", len(self.server.content) + self.server.missing)
            self.end_headers()
            self.wfile.write(self.server.content)

        def log_message(self, *args):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.hits, httpd.status, httpd.missing, httpd.content = 0, 200, 0, archive()
    httpd.address = f"http://127.0.0.1:{httpd.server_address[1]}/R50.npz"
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    yield httpd
    httpd.shutdown()
    httpd.server_close()


def archive():
    file = io.BytesIO()
    np.savez(file, numbers=np.arange(1000.0))
    return file.getvalue()


def test_fetched_once_and_kept(server, tmp_path):
    for _ in range(2):
        path = fetch(server.address, "a.npz", "keras_kd/bit")
        assert path == tmp_path / "keras_kd" / "bit" / "a.npz"
        np.testing.assert_array_equal(np.load(path)["numbers"], np.arange(1000.0))
    assert server.hits == 1
    assert [file.name for file in path.parent.iterdir()] == ["a.npz"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"status": 404}, "404"),
        ({"missing": 10}, "retrieval incomplete"),
        ({"content": archive()[:-100]}, "not a whole archive"),
        ({"content": b"<html>log in to the hotel's network</html>"}, "not a whole archive"),
    ],
)
def test_what_is_not_whole_is_not_kept(server, change, text, tmp_path):
    vars(server).update(change)
    with pytest.raises(ConnectionError, match=f"{text}.*put the file at .*a.npz"):
        fetch(server.address, "a.npz", "keras_kd/bit")
    assert list((tmp_path / "keras_kd" / "bit").iterdir()) == []


def test_a_flipped_bit_is_found(server):
    middle = len(server.content) // 2
    flipped = bytes([server.content[middle] ^ 1])
    server.content = server.content[:middle] + flipped + server.content[middle + 1 :]
    with pytest.raises(ConnectionError, match="came is damaged at numbers"):
        fetch(server.address, "a.npz", "keras_kd/bit")


def test_remains_of_a_killed_download_never_pass_for_the_file(server, tmp_path):
    folder = tmp_path / "keras_kd" / "bit"
    folder.mkdir(parents=True)
    (folder / "a.npz.1.part").write_bytes(b"PK half")
    fetch(server.address, "a.npz", "keras_kd/bit")
    assert server.hits == 1


def test_a_file_put_there_by_hand_is_read_to_its_end(server, monkeypatch, tmp_path):
    entry = Published(server.address, (1, 1), 0.125, 5, 32)
    monkeypatch.setitem(PUBLISHED, "tiny-M", entry)
    path = tmp_path / "keras_kd" / "bit" / "tiny-M.npz"
    path.parent.mkdir(parents=True)
    whole = archive()
    for content in (whole[:-100], whole[:200] + b"?" + whole[201:]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"must be a whole \.npz") as cut:
            bit_resnet((1, 1), 0.125, 5, (32, 32, 3), weights="tiny-M")
        expected = f"Delete the file, and it is fetched again from {server.address}."
        assert str(cut.value).endswith(expected)
    other = bit_resnet((1, 2), 0.125, 5, (32, 32, 3))
    arrays = {
        f"{layer.name.replace('_', '/', 2)}/kernel": layer.get_weights()[0]
        for layer in other.layers
        if layer.name.startswith("block") and layer.weights
    }
    np.savez(path, **arrays)
    with pytest.raises(
        ValueError, match=r"of depth=\(1, 2\).*delete it: .*R50.npz is fetched agai"
    ):
        bit_resnet((1, 1), 0.125, 5, (32, 32, 3), weights="tiny-M")
    elsewhere = tmp_path / "tiny-M.npz"
    elsewhere.write_bytes(whole[:-100])
    with pytest.raises(ValueError, match=r"does not read: .*Take it again from where it came\.$"):
        bit_resnet((1, 1), 0.125, 5, (32, 32, 3), weights=str(elsewhere))
    assert server.hits == 0


def test_builder_refuses_another_network_before_it_fetches(server, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "R50x1-here", Published(server.address, 50, 1, 1000, 224))
    with pytest.raises(ValueError, match=r"are for depth=50, width=1.*width=0.25"):
        bit_resnet((1, 1), 0.25, 5, (32, 32, 3), weights="R50x1-here")
    with pytest.raises(ValueError, match="Did you mean 'R50x1-here'"):
        bit_resnet(50, 1, weights="R50x1-hear")
    assert server.hits == 0
    assert bit_file("R50x1-here").name == "R50x1-here.npz"
    assert server.hits == 1
