"""One way to reach Redis, and one way to say that it cannot be reached."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

from mingus_lib.errors import RedisUnavailable, Refused, UsageError

if TYPE_CHECKING:
    from redis import Redis

STORE_ID_KEY = "mingus:store_id"
CONNECT_TIMEOUT_SECONDS = 5.0
# With the ledger's patience it must stay under HUNG_SECONDS of the supervisor: who waits does not turn.
PATIENCE_SECONDS = 30.0


class OwnRedis(str):
    """The address of the private Redis, which no setting names: messages tell another fix."""

    __slots__ = ()


class BrokerRedis(str):
    """The address of an old system's broker, which other settings name."""

    __slots__ = ()


def connect(url: str, patience: float = PATIENCE_SECONDS) -> Redis:
    """A client for `url` (redis://, rediss://, unix://, redis+sentinel://); it connects at the first command.

    `patience`: seconds that one command may take. Raises UsageError when the address cannot be one of a Redis.
    """
    try:
        if "+sentinel" in url.partition("://")[0]:
            return _by_sentinel(url, patience)
        return redis_py.Redis.from_url(url, **_options(patience))
    except ValueError as error:
        raise UsageError(
            f"redis_url {mask(url)!r} is not a Redis address: {error}; write redis://host:6379/0"
        ) from error


def _options(patience: float) -> dict[str, Any]:
    return {
        "socket_connect_timeout": min(patience, CONNECT_TIMEOUT_SECONDS),
        "socket_timeout": patience,
        # One more try is for a connection that the server had closed; redis-py's own ten hold a command up.
        "retry": Retry(NoBackoff(), 1),
        "health_check_interval": 0,
    }


def _by_sentinel(url: str, patience: float) -> Redis:
    """redis+sentinel://[:password@]host:port[,host:port...]/master[/database]."""
    from redis.sentinel import Sentinel

    parts = urlsplit(url)
    hosts = [_host_and_port(each) for each in parts.netloc.rpartition("@")[2].split(",")]
    master, _, database = parts.path.strip("/").partition("/")
    if not master:
        raise ValueError("it names no master, as in redis+sentinel://host:26379/mymaster")
    secure = {"ssl": True} if parts.scheme.startswith("rediss") else {}
    login = {"username": parts.username or None, "password": unquote(parts.password or "") or None}
    # The login is the master's: the Sentinels are not told of it.
    sentinel = Sentinel(hosts, sentinel_kwargs=_options(patience))
    client: Redis = sentinel.master_for(
        master, db=int(database or 0), **login, **secure, **_options(patience)
    )
    return client


def _host_and_port(text: str) -> tuple[str, int]:
    # urlsplit would read the port of a list of hosts as one, and fail.
    host, _, port = text.rpartition(":")
    return (host, int(port)) if host else (text, 26379)


@contextlib.contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn redis-py's errors into RedisUnavailable, naming `where` (already masked)."""
    try:
        yield
    # Before ConnectionError, whose subclass it is: what helps is another thing.
    except redis_py.AuthenticationError as error:
        raise RedisUnavailable(
            f"Redis at {where} wants a password or refuses this one; put it in MINGUS_REDIS_URL"
        ) from error
    except redis_py.exceptions.ResponseError as error:
        if "WRONGTYPE" in str(error):
            raise RedisUnavailable(
                f"Redis at {where} has a key of another kind than mingus keeps under its name, so something else "
                f"writes there: delete the key, or give mingus a Redis of its own ({error})"
            ) from error
        raise RedisUnavailable(f"Redis at {where} refused a command: {error}") from error
    except (redis_py.ConnectionError, redis_py.TimeoutError) as error:
        raise RedisUnavailable(
            f"Redis at {where} does not answer; {_fix(where)} ({_cause(error)})"
        ) from error


class Scripts:
    """Lua by its digest: the text travels once, and again to a Redis that has been restarted."""

    def __init__(self, client: Redis, where: str) -> None:
        self._client = client
        self._where = where
        self._known: dict[str, Any] = {}

    def run(self, script: str, arguments: Sequence[Any]) -> Any:
        """Run it: one call of Redis. Raises RedisUnavailable."""
        with translated(self._where):
            if script not in self._known:
                self._known[script] = self._client.register_script(script)
            return self._known[script](args=arguments)


def _fix(where: str) -> str:
    if isinstance(where, OwnRedis):
        return "see redis.log beside its socket; `mingus up` starts it again"
    if isinstance(where, BrokerRedis):
        return "start it, or correct --broker or CELERY_BROKER_URL"
    return "start it, or correct --redis-url or MINGUS_REDIS_URL"


def claim_for_store(client: Redis, store_id: str, where: str) -> None:
    """Stamp Redis with the store's id, or refuse a Redis that belongs to another store."""
    with translated(where):
        # Of two stores that come at once one stamps it, and both read whose it is.
        client.set(STORE_ID_KEY, store_id, nx=True)
    stamped = owner(client, where)
    if stamped is not None and stamped != store_id:
        raise Refused(
            f"Redis at {where} belongs to the store {stamped}, this one is {store_id}; "
            "use that store's MINGUS_HOME or another Redis database"
        )


def stamp_anew(client: Redis, store_id: str, owners: Collection[str | None] | None, where: str) -> str:
    """Give Redis to the store that was restored, if it belonged to one of `owners` (None: whoever's it is) or nobody.

    `stamped`, or `of another store` when it is left as it is: commands refuse it then, naming both.
    """
    stamped = owner(client, where)
    if stamped is not None and owners is not None and stamped not in owners:
        return "of another store"
    with translated(where):
        client.set(STORE_ID_KEY, store_id)
    return "stamped"


def owner(client: Redis, where: str) -> str | None:
    """The id of the store that Redis belongs to; None for nobody's."""
    with translated(where):
        found = client.get(STORE_ID_KEY)
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else None


def mask(url: str) -> str:
    """The address without its password."""
    url = re.sub(r"(?i)(password=)[^&]*", r"\1***", url)
    # From the right: a password may hold an @ itself.
    head, at, tail = url.rpartition("@")
    if not at:
        return url
    scheme, _, credentials = head.partition("://")
    user = credentials.partition(":")[0]
    return f"{scheme}://{user}:***@{tail}"


def _cause(error: BaseException) -> str:
    # A server's words may be long, and of several lines.
    return " ".join(str(error).split())[:200] or type(error).__name__
