"""The kubeconfig: the server, the user and the namespace of a context.

The format is https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/. Several files are read as kubectl reads them: the first file
that has a name decides what it means, and relative paths start at the folder of their file. Without any file, the service account of the
pod is used.

Whatever is wrong raises Unusable or OSError with a text for people, which never contains a token, a password or a key.
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import yaml

from weft.base.problems import Problem, UsageError, choices, did_you_mean
from weft.files import yaml11

DEFAULT_NAMESPACE: Final = "default"
_SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
NAMED_BY: Final = "`KUBECONFIG` names the file"
_SECTIONS: Final = {"clusters": "cluster", "contexts": "context", "users": "user"}
"""The lists of a kubeconfig, and the key that each of their items has next to its name."""


class Unusable(ValueError):
    """What a kubeconfig says cannot be used, for the reason that the text says."""


@dataclass(frozen=True)
class Entry:
    """What a kubeconfig says about a cluster, a context or a user: its keys as they are written, and the folder of the file."""

    name: str = ""
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    folder: Path = Path()

    def text(self, key: str) -> str:
        """A text; empty if there is none. Raises Unusable for another type, as all of these do."""
        return self._typed(key, str, "a text") or ""

    def flag(self, key: str) -> bool:
        """True or false; false if it is not stated."""
        return bool(self._typed(key, bool, "true or false"))

    def texts(self, key: str) -> list[str]:
        """A list of texts."""
        found = self._typed(key, list, "a list of texts") or []
        if not all(isinstance(one, str) for one in found):
            raise Unusable(f"`{key}` of `{self.name}` must be a list of texts")
        return found

    def entry(self, key: str) -> Entry | None:
        """An object."""
        found = self._typed(key, dict, "an object")
        return None if found is None else Entry(self.name, found, self.folder)

    def entries(self, key: str) -> list[Entry]:
        """A list of objects."""
        found = self._typed(key, list, "a list of objects") or []
        if not all(isinstance(one, dict) for one in found):
            raise Unusable(f"`{key}` of `{self.name}` must be a list of objects")
        return [Entry(self.name, one, self.folder) for one in found]

    def path(self, key: str) -> Path | None:
        """The path that a key states."""
        return self.folder / self.text(key) if self.text(key) else None

    def content(self, key: str) -> str | None:
        """What is written in base64 under `KEY-data`, or is in the file that the key names: PEM. Raises OSError, too."""
        stated, file = self.text(f"{key}-data"), self.path(key)
        try:
            if stated:
                return base64.b64decode("".join(stated.split()), validate=True).decode("ascii")
            return self._file(key, file) if file is not None else None
        except (binascii.Error, UnicodeDecodeError):
            what = f"`{key}-data` of `{self.name}` is not base64 of PEM" if stated else f"{file} is not PEM"
            raise Unusable(what) from None

    def _file(self, key: str, file: Path) -> str:
        try:
            return file.read_text("ascii")
        except OSError as error:
            raise Unusable(f"{file}, the `{key}` of `{self.name}`, cannot be read: {error.strerror}") from None

    def _typed(self, key: str, kind: type, what: str) -> Any:
        value = self.data.get(key)
        if value is not None and not isinstance(value, kind):
            raise Unusable(f"`{key}` of `{self.name}` must be {what}")
        return value


@dataclass(frozen=True)
class Access:
    """A context: its name, its cluster, its user, and the namespace of what names none."""

    context: str
    cluster: Entry
    user: Entry
    namespace: str = DEFAULT_NAMESPACE

    @property
    def server(self) -> SplitResult:
        """The address of the API server. Raises Unusable if the kubeconfig has none."""
        what = f"`server` of the cluster `{self.cluster.name}`"
        found = address_of(self.cluster.text("server"), what, "https", "http")
        if found.username is not None:
            raise Unusable(f"{what} must not contain a user: the kubeconfig has `users`")
        return found

    def tls(self) -> ssl.SSLContext:
        """How the server proves who it is, and the certificate with which the user does. Raises Unusable, OSError."""
        authority = self.cluster.content("certificate-authority")
        found = ssl.create_default_context(cadata=authority)
        found.verify_flags &= ~ssl.VERIFY_X509_STRICT  # kubectl takes authorities without identifiers of keys
        if self.cluster.flag("insecure-skip-tls-verify"):
            if authority is not None:
                message = (
                    f"the cluster `{self.cluster.name}` has a `certificate-authority` and `insecure-skip-tls-verify`"
                )
                raise Unusable(f"{message}: leave out one of them")
            found.check_hostname, found.verify_mode = False, ssl.CERT_NONE
        certificate, key = self.user.content("client-certificate"), self.user.content("client-key")
        if certificate is not None and key is not None:
            add_certificate(found, self.user.name, certificate, key)
        elif certificate is not None or key is not None:
            raise Unusable(f"the user `{self.user.name}` needs both `client-certificate` and `client-key`")
        return found


def address_of(text: str, what: str, *schemes: str) -> SplitResult:
    """An address with one of these schemes. Raises Unusable, without the address, which may contain a password."""
    wanted = f"{what} must be an address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    try:
        found = urlsplit(text)
        is_good = found.scheme in schemes and bool(found.hostname) and found.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        raise Unusable(wanted)
    return found


def add_certificate(context: ssl.SSLContext, user: str, certificate: str, key: str) -> None:
    """Let new connections prove who the user is with a certificate (PEM). Raises Unusable if the two cannot be used.

    OpenSSL reads them from files only; the folder is readable for nobody else, and gone at once.
    """

    def pass_phrase() -> str:
        raise Unusable(f"the key of the user `{user}` has a pass phrase, for which nobody is asked here")

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "certificate-and-key")
        file.write_text(f"{certificate.rstrip()}\n{key}", "ascii")
        try:
            context.load_cert_chain(file, password=pass_phrase)
        except ssl.SSLError as error:
            why = error.reason or "they are not PEM"
            raise Unusable(f"the certificate and the key of the user `{user}` cannot be used: {why}") from None


def files(stated: str | None) -> list[Path]:
    """The kubeconfig files that are stated, separated as in PATH; otherwise those that exist of KUBECONFIG, or of the home."""
    return [file for file in _named(stated) if stated or file.exists()]


def _named(stated: str | None = None) -> list[Path]:
    names = stated or os.environ.get("KUBECONFIG") or _of_home()
    return [Path(name) for name in names.split(os.pathsep) if name]


def _of_home() -> str:
    try:
        return str(Path.home() / ".kube" / "config")
    except RuntimeError:  # a user without a home, as in many pods
        return ""


def access(among: Sequence[Path], context: str | None) -> Access:
    """What kubeconfig files say about a context, or about the current one.

    Raises UsageError if there is no such context, Unusable or OSError if it cannot be used.
    """
    if context is None and not among:
        return _of_pod()
    known, current = _together(among)
    chosen = known["contexts"].get(context or current)
    if chosen is None:
        raise UsageError(_unknown(context or current, among, list(known["contexts"])))
    cluster = _named_by(chosen, "cluster", known["clusters"])
    user = _named_by(chosen, "user", known["users"]) if chosen.text("user") else Entry()
    return Access(chosen.name, cluster, user, chosen.text("namespace") or DEFAULT_NAMESPACE)


def _named_by(context: Entry, what: str, known: Mapping[str, Entry]) -> Entry:
    """The cluster or the user that a context names."""
    name = context.text(what)
    if name not in known:
        raise Unusable(f"the context `{context.name}` names the {what} `{name}`, which is missing")
    return known[name]


def _together(among: Sequence[Path]) -> tuple[dict[str, dict[str, Entry]], str]:
    """The entries of all files, section by section, and the name of the current context."""
    known: dict[str, dict[str, Entry]] = {section: {} for section in _SECTIONS}
    current = ""
    for file in among:
        data = Entry(str(file), _read(file), file.parent)
        current = current or data.text("current-context")
        for section, inner in _SECTIONS.items():
            for item in data.entries(section):
                entry = Entry(item.text("name"), item.data.get(inner) or {}, file.parent)
                if not entry.name or not isinstance(entry.data, dict):
                    raise Unusable(f"each of `{section}` in {file} must have a `name` and an object `{inner}`")
                known[section].setdefault(entry.name, entry)
    return known, current


def _read(file: Path) -> Mapping[str, Any]:
    try:
        data = yaml11.Documents(file.read_text("utf-8")).data
    except UnicodeDecodeError:
        raise Unusable(f"{file} is not text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Unusable(f"{file}{f':{mark.line + 1}' if mark else ''} is not YAML") from None
    if len(data) > 1 or not all(isinstance(one, dict) for one in data):
        raise Unusable(f"{file} is not a kubeconfig")
    return data[0] if data else {}


def _of_pod() -> Access:
    """The service account of the pod in which Weft runs."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port or not _SERVICE_ACCOUNT.is_dir():
        raise Unusable(f"{_none()}, and this is not a pod with a service account")
    address = f"[{host}]" if ":" in host else host
    cluster = {"server": f"https://{address}:{port}", "certificate-authority": "ca.crt"}
    namespace = (_SERVICE_ACCOUNT / "namespace").read_text("utf-8").strip()
    user = Entry("service account", {"tokenFile": "token"}, _SERVICE_ACCOUNT)
    return Access("the service account of the pod", Entry("this", cluster, _SERVICE_ACCOUNT), user, namespace)


def _unknown(context: str, among: Sequence[Path], known: Sequence[str]) -> Problem:
    if not among:
        return Problem("unknown-context", f"{_none()}, so there is no context `{context}`", hint=NAMED_BY)
    where = ", ".join(map(str, among))
    what = f"there is no context `{context}` in {where}" if context else f"{where} names no current context"
    hint = did_you_mean(context, known) or (f"choose from {choices(known)}" if known else None)
    return Problem("unknown-context", what, hint=hint)


def _none() -> str:
    """That there is no kubeconfig, and where it was looked for."""
    where = ", ".join(map(str, _named()))
    return f"there is no kubeconfig ({where})" if where else "there is no kubeconfig"
