"""A server on the loopback address that hands out one archive."""

import contextlib
import http.server
import io
import threading

import numpy as np


def archive():
    file = io.BytesIO()
    np.savez(file, numbers=np.arange(1000.0))
    return file.getvalue()


@contextlib.contextmanager
def serving():
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
    try:
        yield httpd
    finally:
        httpd.shutdown()
        httpd.server_close()
