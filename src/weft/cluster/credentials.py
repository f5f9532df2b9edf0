"""How the user of a kubeconfig proves who they are: by a token, a file with one, a password, or a program that gives one of them.

A program speaks `client.authentication.k8s.io/v1` or `v1beta1`:
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins. A user who acts as another one says so
in each request: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from weft.cluster.kubeconfig import Access, Entry, Unusable, add_certificate

_API: Final = "client.authentication.k8s.io"
_VERSIONS: Final = (f"{_API}/v1", f"{_API}/v1beta1")


@dataclass(frozen=True, eq=False)
class Proof:
    """Who the user is, as headers of a request: names and values. Another proof has another identity, even with the same headers."""

    headers: tuple[tuple[str, str], ...]


class Credentials:
    """The proofs of a user. A token of a file, and what a program gives, is fetched again when the server does not accept it.

    Raises Unusable or OSError where there is no usable credential.
    """

    def __init__(self, access: Access, tls: ssl.SSLContext | None) -> None:
        user = access.user
        self._name = user.name
        self._tls = tls
        self._lock = threading.Lock()
        self._proof: Proof | None = None
        if user.data.get("auth-provider"):
            message = f"`auth-provider` of the user `{user.name}` is a form that Kubernetes has removed"
            raise Unusable(f"{message}; its successor is `exec`")
        self._file = user.path("tokenFile")
        self._stated = tuple(_stated(user))
        self._acting = tuple(_impersonation(user))
        program = user.entry("exec")
        self._program = None if program is None else Program(program, access.cluster)

    @property
    def proof(self) -> Proof:
        """The proof of a request."""
        return self._proof or self.renewed(None)

    def renewed(self, refused: Proof | None) -> Proof:
        """A new proof after one that the server has refused; the same one if it cannot change.

        Threads whose requests are refused together ask for a new one once.
        """
        with self._lock:
            can_change = self._file is not None or (self._program is not None and not self._stated)
            if self._proof is None or (self._proof is refused and can_change):
                self._proof = Proof(tuple(map(self._checked, (*self._own(), *self._acting))))
            return self._proof

    def _checked(self, header: tuple[str, str]) -> tuple[str, str]:
        """A header that cannot end its line."""
        text = "".join(header)
        if not text.isascii() or not text.isprintable():
            message = f"what the user `{self._name}` sends as {header[0]} has characters that HTTP does not allow"
            raise Unusable(message)
        return header

    def _own(self) -> Iterator[tuple[str, str]]:
        if self._file is not None:
            yield _bearer(_token_of(self._file))
        elif self._stated:
            yield from self._stated
        elif self._program is not None:
            found = self._program.ask()
            if found.certificate and found.key and self._tls is not None:
                add_certificate(self._tls, self._name, found.certificate, found.key)
            if found.token:
                yield _bearer(found.token)


def _token_of(file: Path) -> str:
    """The token in a file. Raises Unusable, OSError."""
    try:
        token = file.read_text("ascii").strip()
    except UnicodeDecodeError:
        token = ""
    except OSError as error:
        raise Unusable(f"the file with the token, {file}, cannot be read: {error.strerror}") from None
    if not token:
        raise Unusable(f"there is no token in {file}")
    return token


def _bearer(token: str) -> tuple[str, str]:
    return "Authorization", f"Bearer {token}"


def _stated(user: Entry) -> Iterator[tuple[str, str]]:
    """The header with the token, or with the password, that the kubeconfig states."""
    if user.text("token"):
        yield _bearer(user.text("token"))
    elif user.text("username"):
        pair = f"{user.text('username')}:{user.text('password')}".encode()
        yield "Authorization", f"Basic {base64.b64encode(pair).decode()}"


def _impersonation(user: Entry) -> Iterator[tuple[str, str]]:
    """The headers with which a user acts as another one."""
    if user.text("as"):
        yield "Impersonate-User", user.text("as")
    if user.text("as-uid"):
        yield "Impersonate-Uid", user.text("as-uid")
    for group in user.texts("as-groups"):
        yield "Impersonate-Group", group
    extra = user.entry("as-user-extra")
    for name in extra.data if extra is not None else ():
        for value in extra.texts(name) if extra is not None else ():
            yield f"Impersonate-Extra-{quote(str(name).lower(), safe='')}", value


@dataclass(frozen=True)
class Given:
    """What a program gives: a token, or a certificate with its key (PEM), or both."""

    token: str
    certificate: str
    key: str


class Program:
    """A program that knows who the user is. Raises Unusable if what the kubeconfig says about it cannot be used."""

    def __init__(self, stated: Entry, cluster: Entry) -> None:
        if stated.text("apiVersion") not in _VERSIONS:
            raise Unusable(f"`exec` of the user `{stated.name}` needs the `apiVersion` {' or '.join(_VERSIONS)}")
        self._name = stated.text("command")
        if not self._name:
            raise Unusable(f"`exec` of the user `{stated.name}` has no `command`")
        if stated.text("interactiveMode") == "Always":
            raise Unusable(f"the program {self._name} needs a terminal, which Weft does not give it")
        # a path starts at the kubeconfig, a name is looked up
        self._command = os.fspath(stated.folder / self._name) if os.sep in self._name else self._name
        self._arguments = stated.texts("args")
        self._variables = {one.text("name"): one.text("value") for one in stated.entries("env")}
        self._hint = stated.text("installHint").strip()
        spec: dict[str, Any] = {"interactive": False}
        if stated.flag("provideClusterInfo"):
            spec["cluster"] = _about(cluster)
        self._info = {"apiVersion": stated.text("apiVersion"), "kind": "ExecCredential", "spec": spec}

    def ask(self) -> Given:
        """Run it. Raises Unusable if it gives nothing, and OSError if it cannot be started."""
        try:
            done = subprocess.run(  # noqa: S603 - the kubeconfig names the program
                [self._command, *self._arguments],
                env={**os.environ, **self._variables, "KUBERNETES_EXEC_INFO": json.dumps(self._info)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,  # what it says to people, such as where to log in, is for them
                check=False,
            )
        except FileNotFoundError:
            raise Unusable(f"there is no program {self._command}" + (f"; {self._hint}" if self._hint else "")) from None
        if done.returncode:
            raise Unusable(f"the program {self._name} ended with {done.returncode}")
        return self._given(done.stdout)

    def _given(self, printed: bytes) -> Given:
        try:
            status = Entry(self._name, json.loads(printed)).entry("status")
        except (ValueError, AttributeError):
            status = None
        if status is None:
            raise Unusable(f"the program {self._name} gives no credential")
        found = Given(*map(status.text, ("token", "clientCertificateData", "clientKeyData")))
        if not found.token and not (found.certificate and found.key):
            raise Unusable(f"the program {self._name} gives no token")
        return found


def _about(cluster: Entry) -> dict[str, Any]:
    """What a program gets to know about the cluster."""
    known: dict[str, Any] = {key: cluster.text(key) for key in ("server", "tls-server-name", "proxy-url")}
    known["insecure-skip-tls-verify"] = cluster.flag("insecure-skip-tls-verify")
    authority = cluster.content("certificate-authority")
    known["certificate-authority-data"] = base64.b64encode(authority.encode()).decode() if authority else None
    own = [one.data.get("extension") for one in cluster.entries("extensions") if one.text("name") == f"{_API}/exec"]
    known["config"] = own[0] if own else None
    return {key: value for key, value in known.items() if value}
