"""HTTP servers that answer the browsers of this machine alone."""

import errno
import http.server
import os

ADDRESS = "127.0.0.1"  # nobody else's business
NAMES = (ADDRESS, "localhost")


class Local:
    """Goes before a request handler, which then refuses what was asked of another name.

    A page of elsewhere may make its own name point to this machine (DNS rebinding); browsers would
    let it read what stands here, the test images and the student among it.
    """

    def parse_request(self):
        if not super().parse_request():
            return False
        if self.headers.get("Host", "").partition(":")[0] in NAMES:
            return True
        self.send_error(403, explain=f"Only {' and '.join(NAMES)} are answered.")
        return False

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    # Windows would give a port that is taken to a second server.
    allow_reuse_address = os.name != "nt"


def server(handler, port):
    """A server that is bound and not yet started; its attribute `url` is the page's address.

    Args:
        handler: request handler, a `Local`.
        port: to listen on; 0 for any free one.

    Raises:
        ValueError: no such port.
        OSError: the port is taken, or not for everybody.
    """
    if not 0 <= port <= 65535:
        raise ValueError(f"--port must be between 0 and 65535. Received: --port={port}.")
    try:
        bound = _Server((ADDRESS, port), handler)
    except OSError as error:
        why = "is taken" if error.errno == errno.EADDRINUSE else f"is not free ({error.strerror})"
        raise OSError(
            f"A free port was expected. Received: --port={port}, which {why} on {ADDRESS}. Give "
            "another by --port=N, or --port=0 for any free one."
        ) from error
    bound.url = f"http://{ADDRESS}:{bound.server_port}/"
    return bound
