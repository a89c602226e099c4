"""Servers of this machine: for its own names alone, on a port that is free."""

import http.client
import http.server
import socket
import threading

import pytest

from keras_kd.export.local_server import ADDRESS, Local, server


class Handler(Local, http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    do_HEAD = do_GET


@pytest.fixture(scope="module")
def port():
    with server(Handler, 0) as running:
        assert running.url == f"http://127.0.0.1:{running.server_port}/"
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running.server_port
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:9000", 200),  # through a tunnel
        ("localhost", 200),
        ("elsewhere.example:{port}", 403),
        ("localhost.elsewhere.example", 403),
        ("", 403),
    ],
)
def test_other_names_are_refused(port, method, host, status):
    asked = http.client.HTTPConnection(ADDRESS, port, timeout=60)
    asked.request(method, "/", headers={"Host": host.format(port=port)})
    assert asked.getresponse().status == status


def test_a_port_that_is_taken_or_none_gets_a_sentence():
    with socket.create_server((ADDRESS, 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"--port={number}, which is taken .*--port=0 for any"):
            server(Handler, number)
    with pytest.raises(ValueError, match=r"between 0 and 65535\. Received: --port=65536"):
        server(Handler, 65536)
