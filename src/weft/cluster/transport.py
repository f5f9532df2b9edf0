"""HTTP to one API server: its address and its proof by `kubeconfig`, the user's by `credentials`, and connections that are kept open."""

from __future__ import annotations

import base64
import http.client
import select
import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from socket import SO_KEEPALIVE, SOL_SOCKET, socket
from time import monotonic
from typing import Final
from urllib.parse import SplitResult, unquote
from urllib.request import getproxies, proxy_bypass

from weft.cluster.credentials import Credentials, Proof
from weft.cluster.kubeconfig import Access, Entry, Unusable, address_of
from weft.version import __version__

_CONNECT_SECONDS: Final = 10.0
_IDLE_SECONDS: Final = 5.0
"""A connection that was idle for longer is not used again: somebody between here and the server may have forgotten it."""


class NoResponse(Exception):
    """Nobody answers, for the reason that the text says, or somebody who is not trusted does (`is_untrusted`).

    `is_broken` is true if there was a connection: the request may have arrived.
    """

    def __init__(self, reason: str, *, is_broken: bool = False, is_untrusted: bool = False) -> None:
        self.is_broken = is_broken
        self.is_untrusted = is_untrusted
        super().__init__(reason)


@dataclass(frozen=True)
class Response:
    """An answer with its body, of which a stream has none."""

    status: int
    reason: str
    headers: http.client.HTTPMessage
    body: bytes


class Transport:
    """Sends requests, by several threads if they like; an answer may take so many seconds.

    Raises Unusable or OSError if what the kubeconfig says cannot be used.
    """

    def __init__(self, access: Access, seconds: float) -> None:
        address = access.server
        self._start = address.path.rstrip("/")
        self._host = address.netloc.rpartition("@")[2]
        self._seconds = seconds
        self._tls = access.tls() if address.scheme == "https" else None
        self._credentials = Credentials(access, self._tls)
        self._place = address.hostname or "", address.port or (443 if self._tls is not None else 80)
        self._name = access.cluster.text("tls-server-name") or address.hostname or ""
        self._proxy = _proxy(access.cluster, address)
        # the connections that are idle, and since when; threads may use both ends of a `deque`
        self._idle = deque[tuple[socket, float]]()

    def close(self) -> None:
        """End the connections that are idle."""
        while self._idle:
            self._idle.pop()[0].close()

    def send(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> Response:
        """The response; a request that is not accepted is sent again if there are new credentials.

        Raises NoResponse, and as Credentials does.
        """
        connection, opened = self._accepted(method, path, data, headers)
        with _kept(connection, self._seconds):
            response = _response(opened, opened.read())
        if opened.will_close:
            connection.close()
        else:
            self._idle.append((connection, monotonic()))
        return response

    def stream(self, path: str) -> tuple[Response, Iterator[bytes]]:
        """The response to a GET, and the lines of its body as they come, until the server or the network ends it.

        A refusal has its body and no lines. Raises as `send` does.
        """
        connection, opened = self._accepted("GET", path, None, {})
        with _kept(connection, self._seconds):
            if opened.status >= HTTPStatus.BAD_REQUEST:
                with closing(connection):
                    return _response(opened, opened.read()), iter(())
        connection.settimeout(None)
        return _response(opened, b""), _lines(connection, opened)

    def _accepted(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> tuple[socket, http.client.HTTPResponse]:
        """The response to a request, and its connection; with a new proof if the server does not accept the first one."""
        proof = self._credentials.proof
        connection, opened = self._opened(method, path, data, headers, proof)
        if opened.status == HTTPStatus.UNAUTHORIZED and (renewed := self._credentials.renewed(proof)) is not proof:
            connection.close()
            self.close()  # a certificate belongs to a connection
            connection, opened = self._opened(method, path, data, headers, renewed)
        return connection, opened

    def _opened(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str], proof: Proof
    ) -> tuple[socket, http.client.HTTPResponse]:
        """The response to a request, whose body is not read yet."""
        every = [("Host", self._host), ("User-Agent", f"weft/{__version__}"), *headers.items(), *proof.headers]
        every += [] if data is None else [("Content-Length", str(len(data)))]
        lines = [f"{method} {self._start}{path} HTTP/1.1", *(f"{name}: {value}" for name, value in every), "", ""]
        connection = self._connected()
        with _kept(connection, self._seconds):
            # at once: in two parts, as http.client sends it, it takes the server longer to read
            connection.sendall("\r\n".join(lines).encode("ascii") + (data or b""))
            response = http.client.HTTPResponse(connection, method=method)
            response.begin()
            if response.status < HTTPStatus.OK:
                raise http.client.HTTPException(f"it answers with {response.status}")
        return connection, response

    def _connected(self) -> socket:
        """A connection that is idle and that the server has not ended meanwhile, or a new one. Raises NoResponse."""
        while self._idle:
            connection, since = self._idle.pop()
            if monotonic() - since < _IDLE_SECONDS and not _has_ended(connection):
                return connection
            connection.close()
        new = self._new()
        try:
            with _kept(new, _CONNECT_SECONDS, was_connected=False):
                new.connect()
        except NoResponse as error:
            raise self._through_proxy(error) from None
        connection = new.sock
        connection.settimeout(self._seconds)
        connection.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
        return connection

    def _through_proxy(self, error: NoResponse) -> NoResponse:
        """The same error, with the proxy that may be the reason."""
        if self._proxy is None or error.is_untrusted:
            return error
        return NoResponse(f"{error}, through the proxy {self._proxy.hostname}:{self._proxy.port or 80}")

    def _new(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(*self._place, timeout=_CONNECT_SECONDS)
        if self._proxy is None:
            return _Https(*self._place, self._tls, self._name)
        connection = _Https(self._proxy.hostname or "", self._proxy.port or 80, self._tls, self._name)
        proof = {}
        if self._proxy.username:
            pair = f"{unquote(self._proxy.username)}:{unquote(self._proxy.password or '')}"
            proof = {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        host, port = self._place
        connection.set_tunnel(f"[{host}]" if ":" in host else host, port, proof)
        return connection


class _Https(http.client.HTTPConnection):
    """HTTPS with a server whose certificate has a name that may be another one than that of its address."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext, name: str) -> None:
        super().__init__(host, port, timeout=_CONNECT_SECONDS)
        self._tls = tls
        self._name = name

    def connect(self) -> None:
        """Connect, also through the tunnel of a proxy, and agree on keys. Raises OSError, also for certificates."""
        super().connect()
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)


@contextmanager
def _kept(
    connection: socket | http.client.HTTPConnection, seconds: float, *, was_connected: bool = True
) -> Iterator[None]:
    """Close a connection with which something goes wrong. Raises NoResponse if it is the network's fault."""
    done = False
    try:
        yield
        done = True
    except TimeoutError:
        raise NoResponse(f"no answer within {seconds:.0f} seconds") from None
    except ssl.SSLCertVerificationError as error:
        raise NoResponse(f"its certificate is not trusted: {error.verify_message}", is_untrusted=True) from None
    except (OSError, http.client.HTTPException) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].lower()
        raise NoResponse(reason, is_broken=was_connected) from None
    finally:
        if not done:
            connection.close()


def _has_ended(connection: socket) -> bool:
    """True if the server has ended a connection that is idle: an end can be read, and nothing else."""
    asked = select.poll()
    asked.register(connection, select.POLLIN)
    return bool(asked.poll(0))


def _lines(connection: socket, opened: http.client.HTTPResponse) -> Iterator[bytes]:
    """The lines of a body; the last one is left out if it is cut."""
    with closing(connection):
        try:
            yield from (line for line in opened if line.endswith(b"\n") and line.strip())
        except (OSError, http.client.HTTPException):
            return


def _response(opened: http.client.HTTPResponse, body: bytes) -> Response:
    return Response(opened.status, opened.reason, opened.headers, body)


def _proxy(cluster: Entry, server: SplitResult) -> SplitResult | None:
    """The proxy that the kubeconfig names for a server, or that HTTPS_PROXY and NO_PROXY do."""
    if cluster.text("proxy-url"):
        what = f"`proxy-url` of the cluster `{cluster.name}`"
        if server.scheme == "http":
            raise Unusable(f"{what} is for servers with https:// only")
        return address_of(cluster.text("proxy-url"), what, "http")
    stated = getproxies().get("https")
    if server.scheme == "http" or not stated or _is_excepted(server.hostname or "", server.netloc.rpartition("@")[2]):
        return None
    return address_of(stated if "://" in stated else f"http://{stated}", "the proxy in HTTPS_PROXY", "http")


def _is_excepted(host: str, place: str) -> bool:
    """True if no proxy of the environment is for a host: one of this machine, or one that NO_PROXY names.

    As in Go, NO_PROXY may name networks: `10.0.0.0/8`.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or bool(proxy_bypass(place))
    return address.is_loopback or bool(proxy_bypass(place)) or any(address in one for one in _networks())


def _networks() -> Iterator[IPv4Network | IPv6Network]:
    """The networks in NO_PROXY."""
    for part in getproxies().get("no", "").split(","):
        with suppress(ValueError):
            yield ip_network(part.strip(), strict=False)
