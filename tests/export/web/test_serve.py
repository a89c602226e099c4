"""The server of the page: on this machine alone, and with the kinds that browsers insist on."""

import http.client
import threading
import urllib.request

import pytest

from keras_kd.export.web.serve import server


@pytest.fixture
def address(tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    for name in ("index.html", "page.js", "page.json", "a.wasm", "a.tflite"):
        (folder / name).write_text(name)
    (tmp_path / "secret.txt").write_text("secret")
    with server(folder, 0) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running.url
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", "text/html"),
        ("page.js", "text/javascript"),
        ("page.json", "application/json"),
        ("a.wasm", "application/wasm"),
        ("a.tflite", "application/octet-stream"),
    ],
)
def test_files_have_their_kinds(address, name, kind):
    with urllib.request.urlopen(address + name) as answer:
        assert answer.headers["Content-Type"].partition(";")[0] == kind
        assert answer.read().decode() == (name or "index.html")
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"


def test_nothing_above_the_folder_is_served(address):
    host = address.removeprefix("http://").rstrip("/")
    assert host.startswith("127.0.0.1:")
    asked = http.client.HTTPConnection(host)
    asked.request("GET", "/../secret.txt")
    assert asked.getresponse().status == 404


def test_other_names_of_this_machine_are_refused(address):
    asked = http.client.HTTPConnection(address.removeprefix("http://").rstrip("/"))
    asked.request("GET", "/page.json", headers={"Host": "elsewhere.example"})
    assert asked.getresponse().status == 403
