"""A web server for the page on this machine."""

import functools
import http.server

from keras_kd.export import local_server

KINDS = {".js": "text/javascript", ".json": "application/json", ".wasm": "application/wasm"}


class _Handler(local_server.Local, http.server.SimpleHTTPRequestHandler):
    # A registry of the machine may know these by other names, and browsers are strict with them.
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | KINDS

    def end_headers(self):
        # A new export must show at once. The latter two give the page a finer clock.
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()


def server(folder, port):
    """A server of a folder, as of `keras_kd.export.local_server.server`."""
    handler = functools.partial(_Handler, directory=str(folder))
    return local_server.server(handler, port)
