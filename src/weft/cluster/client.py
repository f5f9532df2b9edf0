"""One API server, asked as the user of one context.

The requests are plain HTTP with JSON (`transport`), because Weft needs what the libraries for Kubernetes hide: warnings, strict field
validation, and fields that no model knows.
What a server answers becomes data, or one of three errors:

    Refused       the server says no to this request: conflict, invalid, forbidden, not found
    CannotRun     nobody can be asked: no connection, expired credentials
    UsageError    there is no such context

No message contains the body of a request.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

from weft.base.problems import CannotRun, Problem
from weft.cluster.kubeconfig import NAMED_BY, Access, access, files
from weft.cluster.transport import NoResponse, Response, Transport

APPLY: Final = "application/apply-patch+yaml"
JSON_PATCH: Final = "application/json-patch+json"
_DISCOVERY: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
_TRIES: Final = 6
"""How often a request is sent that the server is too busy for."""
_LONGEST_PAUSE: Final = 30.0
AT_ONCE: Final = 8
"""Requests at one time: the server is the limit, and answers no faster with more."""
_SECONDS: Final = 60.0
"""How long an answer may take. Admission webhooks may take 30 of them."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Cause:
    """A part of a refusal: the field (`.data.a`, `spec.ports[0].name`), a reason such as FieldManagerConflict, and a text."""

    field: str
    reason: str
    message: str


_RIGHT: Final = re.compile(
    r'User "[^"]*" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"(?: in API group "(?P<group>[^"]*)")?'
    r'(?: in the namespace "(?P<namespace>[^"]+)"| at the cluster scope)?'
)
"""How RBAC says that a right is missing (k8s.io/apiserver/pkg/endpoints/handlers/responsewriters)."""


_ANONYMOUS: Final = 'User "system:anonymous"'
_TRUST: Final = "see `certificate-authority` and `tls-server-name` of the cluster in the kubeconfig"


class Refused(CannotRun):
    """The server refuses a request: its HTTP status, its reason (`Conflict`, `Invalid`, ...) and its causes.

    `text` is the server's own message, which may contain values of the object; the problem of the error quotes it only where no object
    of a user is involved. Code that applies such objects catches the error (`refusals`).
    """

    def __init__(self, status: int, reason: str, text: str, causes: Sequence[Cause] = ()) -> None:
        self.status, self.reason, self.text, self.causes = status, reason, text, tuple(causes)
        super().__init__(self._problem())

    @property
    def missing_right(self) -> re.Match[str] | None:
        """The right that the user lacks, if that is why: `verb`, `resource`, `group` and `namespace`."""
        return _RIGHT.search(self.text) if self.status == 403 else None

    def _problem(self) -> Problem:
        right = self.missing_right
        if self.status == 403 and _ANONYMOUS in self.text:
            message = "the API server does not know who asks: the context has no user, or its server accepts nothing that the user sends"
            return Problem("cluster-credentials", message, hint="see `user` of the context in the kubeconfig")
        if right is None:
            return Problem(
                "cluster-refused", f"the API server refuses a request: {self.status} {self.reason}: {self.text}"
            )
        what = right["resource"] + (f".{right['group']}" if right["group"] else "")
        where = f" in the namespace {right['namespace']}" if right["namespace"] else ""
        return Problem("cluster-rights", f"the user may not {right['verb']} {what}{where}", hint=ROLES)


ROLES: Final = "`weft deploy --roles` prints the roles that the commands need"


@dataclass(frozen=True)
class Answer:
    """An answer: the data, the server's warnings, and the date that it states (RFC 9110, section 5.6.7)."""

    data: Any
    warnings: tuple[str, ...] = ()
    date: str | None = None

    @property
    def time(self) -> float | None:
        """The server's time in seconds since 1970; None if it does not say."""
        try:
            return parsedate_to_datetime(self.date).timestamp() if self.date else None
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind that a server knows: `plural` is its name in paths."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()

    @property
    def api_version(self) -> str:
        """`v1`, `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of an object, or of all of a namespace, or of all."""
        start = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        within = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{start}{within}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


@dataclass
class Kinds:
    """The kinds of a server by group, version and kind; `preferred` has the first version of each."""

    every: dict[tuple[str, str, str], Resource] = field(default_factory=dict)
    preferred: dict[tuple[str, str], Resource] = field(default_factory=dict)

    def find(self, api_version: str, kind: str) -> Resource | None:
        """The resource of an object's `apiVersion` and `kind`."""
        group, _, version = api_version.rpartition("/")
        return self.every.get((group, version, kind))


class Client:
    """A connection. Requests may be sent by several threads. `namespace` is that of the context, for what names none itself."""

    def __init__(self, found: Access, transport: Transport, sleep: Callable[[float], None] = time.sleep) -> None:
        self.context = found.context
        self.namespace = found.namespace
        self.server = found.server.geturl()
        self._transport = transport
        self._sleep = sleep
        self._kinds: Kinds | None = None

    def close(self) -> None:
        """End the connection."""
        self._transport.close()

    @property
    def kinds(self) -> Kinds:
        """The kinds that the server knows, asked once."""
        if self._kinds is None:
            self._kinds = self._discover()
        return self._kinds

    def forget_kinds(self) -> None:
        """Ask for the kinds again at the next use: a new CRD brings new ones."""
        self._kinds = None

    def get(self, path: str, **parameters: str) -> Any:
        """The object at a path. Raises Refused."""
        return self.request("GET", path, parameters=parameters).data

    def find(self, path: str) -> Any | None:
        """The object at a path, or None if there is none. Raises Refused."""
        try:
            return self.get(path)
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def all_of(self, path: str, **parameters: str) -> Iterator[Any]:
        """The objects at a path, fetched 500 at a time. Raises Refused."""
        following = ""
        while True:
            page = self.get(path, limit="500", **parameters, **({"continue": following} if following else {}))
            yield from page.get("items") or ()
            following = page.get("metadata", {}).get("continue") or ""
            if not following:
                return

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        parameters: Mapping[str, str] | None = None,
        content: str = "application/json",
        accept: str = "application/json",
    ) -> Answer:
        """The answer to a request. A busy server is asked again after the pause that it names.

        Raises Refused, and CannotRun when nobody answers.
        """
        path += f"?{urlencode(parameters)}" if parameters else ""
        headers = {"Accept": accept} | ({"Content-Type": content} if body is not None else {})
        data = None if body is None else json.dumps(body).encode()
        for left in reversed(range(_TRIES)):
            response = self._send(method, path, data, headers, retry=left > 0)
            if response is not None and (response.status not in (429, 503, 504) or not left):
                return self._answer(response)
            self._sleep(_pause(response, _TRIES - left))
        raise AssertionError("the last try answers or raises")

    def watch(self, path: str, **parameters: str) -> Iterator[dict[str, Any]]:
        """The events at a path as they come, until the server ends the stream. Raises Refused, and CannotRun when nobody answers."""
        wanted = {"watch": "true", "allowWatchBookmarks": "true", **parameters}
        with self._explained():
            response, lines = self._transport.stream(f"{path}?{urlencode(wanted)}")
        if response.status >= 400:
            self._answer(response)
        yield from map(json.loads, lines)

    def each(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """The results of a function that sends requests, several at a time, in the order of the items."""
        if isinstance(items, Sized) and len(items) < 2:
            return [function(item) for item in items]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                return list(pool.map(function, items))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)  # what has begun ends, the rest does not begin
                raise

    def _send(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str], *, retry: bool
    ) -> Response | None:
        """The response; None if the connection broke and the request may be sent again."""
        with self._explained():
            try:
                return self._transport.send(method, path, data, headers)
            except NoResponse as error:
                if retry and error.is_broken and method in ("GET", "PATCH"):
                    return None  # both may be sent twice
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise CannotRun where no request can be sent, or nobody answers."""
        try:
            yield
        except NoResponse as error:
            message = f"the API server {self.server} of the context `{self.context}` cannot be reached: {error}"
            hint = _TRUST if error.is_untrusted else "check the address in the kubeconfig, and the network"
            raise CannotRun(Problem("cluster-unreachable", message, hint=hint)) from None
        except (OSError, ValueError, LookupError) as error:
            message = f"the credentials of the context `{self.context}` cannot be used: {_first_line(error)}"
            hint = f"log in again, or try `kubectl --context {self.context} get --raw /version`"
            raise CannotRun(Problem("cluster-credentials", message, hint=hint)) from None

    def _answer(self, response: Response) -> Answer:
        status, data = response.status, _json(response)
        if status < 300 and isinstance(data, dict):
            return Answer(data, tuple(_warnings(response.headers.get_all("warning", ()))), response.headers.get("date"))
        if status == 401:
            message = f"the API server {self.server} does not accept the credentials of the context `{self.context}`"
            raise CannotRun(Problem("cluster-credentials", message, hint="log in again: they may have expired"))
        if status < 400 or (status == 400 and data is None):
            message = f"the server {self.server} of the context `{self.context}` does not answer as an API server does"
            hint = "check the address in the kubeconfig, and whether it begins with https://"
            raise CannotRun(Problem("cluster-unreachable", message, hint=hint))
        raise _refused(response, data if isinstance(data, dict) else {})

    def _discover(self) -> Kinds:
        kinds = Kinds()
        for start in ("/api", "/apis"):
            for group in self.request("GET", start, accept=_DISCOVERY).data.get("items") or ():
                name = group.get("metadata", {}).get("name") or ""
                for version in group.get("versions") or ():
                    for resource in version.get("resources") or ():
                        _add(kinds, name, version["version"], resource)
        return kinds


def _add(kinds: Kinds, group: str, version: str, resource: Mapping[str, Any]) -> None:
    kind = (resource.get("responseKind") or {}).get("kind") or ""
    verbs = frozenset(resource.get("verbs") or ())
    if kind and verbs:
        found = Resource(group, version, kind, resource["resource"], resource.get("scope") == "Namespaced", verbs)
        kinds.every.setdefault((group, version, kind), found)
        kinds.preferred.setdefault((group, kind), found)


def connect(context: str | None, *, kubeconfig: str | None = None) -> Client:
    """A client for a context of the kubeconfig; without a name for the current one, or else for the service account of the pod.

    `kubeconfig` and the variable KUBECONFIG name files separated as in PATH. Raises CannotRun if the kubeconfig cannot be used, and
    UsageError for a context that does not exist.
    """
    named: list[Path] = []
    try:
        named = files(kubeconfig)
        found = access(named, context)
        return Client(found, Transport(found, _SECONDS))
    except (OSError, ValueError, LookupError) as error:
        message = f"the kubeconfig cannot be used: {_first_line(error)}" if named else _first_line(error)
        raise CannotRun(Problem("cluster-credentials", message, hint=NAMED_BY)) from None


def _refused(response: Response, said: Mapping[str, Any]) -> Refused:
    """A refusal as the server states it (`Status`), or as HTTP does if a proxy answers."""
    reason, message = (str(said.get(key) or response.reason or "") for key in ("reason", "message"))
    details = said.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return Refused(response.status, reason, message, [*map(_cause, causes or ())])


def _cause(data: Mapping[str, Any]) -> Cause:
    return Cause(*(data.get(key) or "" for key in ("field", "reason", "message")))


def _json(response: Response) -> Any:
    try:
        return json.loads(response.body)
    except ValueError:
        return None


def _warnings(headers: Sequence[str]) -> Iterator[str]:
    """The texts of Warning headers: `299 - "unknown field"` (RFC 7234, section 5.5), in UTF-8, which http.client takes for Latin-1."""
    for header in headers:
        said = header.encode("latin-1", "replace").decode("utf-8", "replace")
        _, mark, text = said.partition('"')
        yield text.rpartition('"')[0].replace('\\"', '"').replace("\\\\", "\\") if mark else said


def _pause(response: Response | None, tries: int) -> float:
    """How long to wait before the next try: as long as the server says, or longer each time."""
    stated = (response.headers.get("retry-after") or "") if response is not None else ""
    seconds = int(stated) if stated.isdecimal() else 0
    return min(seconds or 0.2 * 2.0**tries, _LONGEST_PAUSE)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
