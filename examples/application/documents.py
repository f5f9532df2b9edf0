"""MongoDB, which counts what was played, and Elasticsearch, which finds tracks by words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError
from elasticsearch import Elasticsearch as SearchClient
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from application.breakers import Breaker
from application.settings import Elasticsearch, Mongodb, Pages

MONGODB_AWAY = PyMongoError
SEARCH_AWAY = (TransportError, ApiError)


class Plays:
    """What was played, in MongoDB."""

    def __init__(self, settings: Mongodb, name: str, breaker: Breaker) -> None:
        self._breaker = breaker
        # nothing connects before the first use: a client does not survive a fork
        self.client: MongoClient[dict[str, Any]] = MongoClient(
            _hosts(settings), connect=False, **_options(settings, name)
        )
        self._plays = self.client[settings.database]["plays"]

    def add(self, track: int) -> None:
        """Count one more."""
        play = {"track": track, "at": datetime.now(UTC)}
        self._breaker.call(lambda: self._plays.insert_one(play))

    def count(self, track: int) -> int:
        """How often a track was played."""
        return self._breaker.call(lambda: self._plays.count_documents({"track": track}))

    def ask(self) -> None:
        """Raises an error when the server is away."""
        self.client.admin.command("ping")


def _hosts(settings: Mongodb) -> str | list[str]:
    if settings.srv:
        return f"mongodb+srv://{settings.host}"
    return [f"{settings.host}:{settings.port}", *settings.members]


def _options(settings: Mongodb, name: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "appname": name,
        "readPreference": settings.read_preference,
        "w": int(settings.write_concern) if settings.write_concern.isdigit() else settings.write_concern,
        "retryWrites": settings.retry_writes,
        "retryReads": settings.retry_reads,
        "minPoolSize": settings.min_pool_size,
        "maxPoolSize": settings.max_pool_size,
        "serverSelectionTimeoutMS": int(settings.server_selection_timeout * 1000),
        "connectTimeoutMS": int(settings.connect_timeout * 1000),
        "socketTimeoutMS": int(settings.socket_timeout * 1000),
    }
    if settings.replica_set:
        options["replicaSet"] = settings.replica_set
    if settings.username and settings.password:
        login = {"username": settings.username, "password": settings.password.get_secret_value()}
        options |= {**login, "authSource": settings.auth_source}
    if settings.tls:
        files = {"tlsCAFile": settings.ca_file, "tlsCertificateKeyFile": settings.certificate_file}
        options |= {"tls": True, **{key: path for key, path in files.items() if path}}
    return options


class Search:
    """Tracks by the words of their titles, in Elasticsearch."""

    def __init__(self, settings: Elasticsearch, pages: Pages, breaker: Breaker) -> None:
        self._pages, self._breaker, self._index = pages, breaker, f"{settings.index_prefix}-tracks"
        self.client = SearchClient(_address(settings), **_search_options(settings))

    def add(self, number: int, title: str) -> None:
        """Let a track be found."""
        document = {"title": title}
        self._breaker.call(lambda: self.client.index(index=self._index, id=str(number), document=document))

    def find(self, words: str, page: int, size: int) -> dict[str, Any]:
        """The tracks of a page; what was found until the time was over."""
        begin = (page - 1) * size
        size = max(0, min(size, self._pages.max_results - begin))
        found = self._breaker.call(
            lambda: self.client.search(
                index=self._index,
                query={"match": {"title": words}},
                from_=begin,
                size=size,
                timeout=f"{self._pages.timeout}s",
            )
        )
        tracks = [{"id": int(hit["_id"]), **hit["_source"]} for hit in found["hits"]["hits"]]
        return {"tracks": tracks, "complete": not found["timed_out"]}

    def ask(self) -> None:
        """Raises an error when the server is away."""
        self.client.info()


def _address(settings: Elasticsearch) -> str:
    return f"{'https' if settings.tls else 'http'}://{settings.host}:{settings.port}"


def _search_options(settings: Elasticsearch) -> dict[str, Any]:
    options: dict[str, Any] = {"request_timeout": settings.request_timeout}
    if settings.api_key:
        options["api_key"] = settings.api_key.get_secret_value()
    elif settings.username and settings.password:
        options["basic_auth"] = (settings.username, settings.password.get_secret_value())
    if settings.tls and settings.ca_file:
        options["ca_certs"] = settings.ca_file
    if settings.tls and settings.ca_fingerprint:
        options["ssl_assert_fingerprint"] = settings.ca_fingerprint
    return options
