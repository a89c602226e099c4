"""A web server for the page on this machine."""

import errno
import functools
import http.server

ADDRESS = "127.0.0.1"  # nobody else's business
KINDS = {".js": "text/javascript", ".json": "application/json", ".wasm": "application/wasm"}


class _Handler(http.server.SimpleHTTPRequestHandler):
    # A registry of the machine may know these by other names, and browsers are strict with them.
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | KINDS

    def end_headers(self):
        # A new export must show at once. The latter two give the page a finer clock.
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_):
        pass


def server(folder, port):
    """A server that is bound and not yet started; its attribute `url` is the page's address.

    Args:
        folder: the page's.
        port: to listen on; 0 for any free one.

    Raises:
        OSError: the port is taken, or not for everybody.
    """
    handler = functools.partial(_Handler, directory=str(folder))
    try:
        bound = http.server.ThreadingHTTPServer((ADDRESS, port), handler)
    except OSError as error:
        why = "is taken" if error.errno == errno.EADDRINUSE else f"is not free ({error.strerror})"
        raise OSError(
            f"A free port was expected. Received: port={port}, which {why} on {ADDRESS}. Give "
            "another by --port=N, or --port=0 for any free one."
        ) from error
    bound.url = f"http://{ADDRESS}:{bound.server_port}/"
    return bound
