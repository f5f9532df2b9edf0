"""One API server, asked as the user of one context.

lightkube reads the kubeconfig and knows how its users prove who they are (tokens, certificates, programs); the requests themselves are
plain HTTP with JSON, because Weft needs what typed clients hide: warnings, strict field validation, and fields that no model knows.
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
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from weft.base.extras import how_to_install
from weft.base.problems import CannotRun, Problem
from weft.cluster import contexts

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
    """An answer: the data, the server's warnings, and the server's time in seconds since 1970 (None if it does not say)."""

    data: Any
    warnings: tuple[str, ...] = ()
    time: float | None = None


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
        within = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{start}{within}/{self.plural}" + (f"/{name}" if name else "")


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

    def __init__(
        self, http: Any, context: str, sleep: Callable[[float], None] = time.sleep, namespace: str = "default"
    ) -> None:
        self.context = context
        self.namespace = namespace
        self.server = str(http.base_url)
        self._http = http
        self._sleep = sleep
        self._kinds: Kinds | None = None

    def close(self) -> None:
        """End the connection."""
        self._http.close()

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
        url = f"{self.server.rstrip('/')}{path}" + (f"?{urlencode(parameters)}" if parameters else "")
        headers = {"Accept": accept} | ({"Content-Type": content} if body is not None else {})
        data = None if body is None else json.dumps(body).encode()
        for left in reversed(range(_TRIES)):
            response = self._send(method, url, data, headers, retry=left > 0)
            if response is not None and (response.status_code not in (429, 503, 504) or not left):
                return self._answer(response)
            self._sleep(_pause(response, _TRIES - left))
        raise AssertionError("the last try answers or raises")

    def watch(self, path: str, **parameters: str) -> Iterator[dict[str, Any]]:
        """The events at a path as they come, until the server ends the stream. Raises Refused."""
        import httpx2

        transport_error = httpx2.TransportError
        wanted = {"watch": "true", "allowWatchBookmarks": "true", **parameters}
        try:
            with self._http.stream("GET", path, params=wanted, timeout=None) as response:
                if response.status_code >= 400:
                    response.read()
                    self._answer(response)
                for line in response.iter_lines():
                    if line:
                        yield json.loads(line)
        except transport_error:
            return

    def each(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """The results of a function that sends requests, several at a time, in the order of the items."""
        if isinstance(items, Sized) and len(items) < 2:
            return [function(item) for item in items]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(function, items))

    def _send(self, method: str, url: str, data: bytes | None, headers: dict[str, str], *, retry: bool) -> Any:
        """The response; None if the connection broke and the request may be sent again."""
        import httpx2 as httpx
        from lightkube.core.exceptions import ConfigError

        try:
            return self._http.request(method, url, content=data, headers=headers)
        except httpx.TimeoutException:
            raise self._unreachable(f"no answer within {_SECONDS:.0f} seconds") from None
        except httpx.TransportError as error:
            if retry and method in ("GET", "PATCH") and not isinstance(error, httpx.ConnectError):
                return None  # both may be sent twice
            raise self._unreachable(_reason(error)) from None
        except (ConfigError, OSError, ValueError, LookupError) as error:
            raise CannotRun(
                Problem(
                    "cluster-credentials",
                    f"the credentials of the context `{self.context}` cannot be used: {_first_line(error)}",
                    hint="log in again, or try `kubectl --context " + f"{self.context} get --raw /version`",
                )
            ) from None

    def _unreachable(self, reason: str) -> CannotRun:
        message = f"the API server {self.server} of the context `{self.context}` cannot be reached: {reason}"
        return CannotRun(
            Problem("cluster-unreachable", message, hint="check the address in the kubeconfig, and the network")
        )

    def _answer(self, response: Any) -> Answer:
        status = response.status_code
        if status < 400:
            return Answer(_json(response), tuple(_warnings(response.headers.get_list("warning"))), _time(response))
        if status == 401:
            message = f"the API server {self.server} does not accept the credentials of the context `{self.context}`"
            raise CannotRun(Problem("cluster-credentials", message, hint="log in again: they may have expired"))
        raise _refused(response)

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

    `kubeconfig` and the variable KUBECONFIG name files separated as in PATH. Raises CannotRun if the package lightkube is missing or a
    file cannot be read, and UsageError for a context that does not exist.
    """
    try:
        import httpx2
        from lightkube.config.client_adapter import ConnectionParams
        from lightkube.core.exceptions import ConfigError

        from weft.cluster import credentials
    except ImportError as error:
        package = (error.name or "lightkube").partition(".")[0]
        hint = how_to_install("cluster", package)
        raise CannotRun(Problem("not-installed", f"the package {package} is not installed", hint=hint)) from None
    timeout = httpx2.Timeout(_SECONDS, connect=10)
    limits = httpx2.Limits(max_connections=AT_ONCE * 2, max_keepalive_connections=AT_ONCE * 2)
    try:
        name, chosen = contexts.chosen(contexts.files(kubeconfig), context)
        parameters = ConnectionParams(timeout=timeout).httpx_params(chosen)
        program = chosen.user.exec if chosen.user else None
        if program is not None and program.apiVersion == credentials.VERSION:
            parameters["auth"] = credentials.Program(program)
        http = httpx2.Client(**parameters, limits=limits)
    except (ConfigError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        message = f"the kubeconfig cannot be used: {_first_line(error)}"
        raise CannotRun(Problem("cluster-credentials", message, hint="see `kubectl config view`")) from None
    return Client(http, name, namespace=chosen.namespace)


def _refused(response: Any) -> Refused:
    """A refusal as the server states it (`Status`), or as HTTP does if a proxy answers."""
    said = _json(response)
    said = said if isinstance(said, dict) else {}
    causes = [
        Cause(one.get("field") or "", one.get("reason") or "", one.get("message") or "")
        for one in (said.get("details") or {}).get("causes") or ()
    ]
    reason, message = said.get("reason") or response.reason_phrase, said.get("message") or response.reason_phrase
    return Refused(response.status_code, reason, message, causes)


def _json(response: Any) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _warnings(headers: Sequence[str]) -> Iterator[str]:
    """The texts of Warning headers: `299 - "unknown field"` (RFC 7234, section 5.5)."""
    for header in headers:
        _, quote, text = header.partition('"')
        yield text.rpartition('"')[0].replace('\\"', '"').replace("\\\\", "\\") if quote else header


def _time(response: Any) -> float | None:
    try:
        return parsedate_to_datetime(response.headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None


def _pause(response: Any, tries: int) -> float:
    """How long to wait before the next try: as long as the server says, or longer each time."""
    try:
        stated = float(response.headers["retry-after"]) if response is not None else 0.0
    except (KeyError, ValueError):
        stated = 0.0
    return min(stated or 0.2 * 2.0**tries, _LONGEST_PAUSE)


def _reason(error: Exception) -> str:
    return _first_line(error).lower() or type(error).__name__


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
