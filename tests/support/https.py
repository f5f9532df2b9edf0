"""A server for HTTPS in a thread of the tests, with a certificate that a cluster's authority has signed."""

import http.server
import ssl
import threading

from servers import HOST


class Https:
    """Answers with a handler from `listen` to `close`; `port` and `address` are its own."""

    def __init__(self, cluster, handler):
        certificate, key = cluster.authority.issue(HOST)
        cluster.servers.write(cluster.folder, {"helper.pem": certificate + key})
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cluster.folder / "helper.pem")
        self._server = http.server.ThreadingHTTPServer((HOST, 0), handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.handle_error = lambda *_: None  # a client may go when it wants
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.port = self._server.server_port
        self.address = f"https://{HOST}:{self.port}"

    def listen(self):
        """Begin to answer."""
        self._thread.start()

    def close(self):
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
