"""Every error mingus raises on purpose, sorted by consequence.

    MingusError                 one line on stderr, exit 1
    +-- UsageError              the person typed something that cannot work       exit 2
    |   +-- NotFound            no such job, article, queue ...                   exit 4
    |   +-- Refused             needs --yes, or already there                     exit 5
    +-- TransientError          worth another try later; jobs retry with backoff  exit 75
    |   +-- RedisUnavailable    Redis does not answer                             exit 69
    |   +-- StoreUnavailable    the store is locked, full or read-only            exit 75
    |   +-- LeadLost            another scheduler leads; this one follows
    |   +-- DependencyDown      a service that a job needs fails; its breaker counts
    +-- PermanentError          trying again would change nothing; dead-lettered  exit 1

A message is one line that names the input and the fix. `code` is a stable kebab-case word that
scripts may match; `reason` is "code: message", the form kept in the store and shown in tables.
Anything that is not a MingusError is a bug: it keeps its traceback.
"""

from __future__ import annotations


class MingusError(Exception):
    """Base of all errors raised on purpose."""

    exit_code = 1
    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code

    @property
    def reason(self) -> str:
        """`code: message`, the form that is stored and shown."""
        return f"{self.code}: {self}"


class UsageError(MingusError):
    """The input cannot work as given; nothing was done."""

    # As shells and click have it; a supervisor gives a child up that ends with this or more.
    exit_code = 2
    code = "usage"


class NotFound(UsageError):
    """The thing named does not exist."""

    exit_code = 4
    code = "not-found"


class Refused(UsageError):
    """Possible, but not without a confirmation, or already there."""

    exit_code = 5
    code = "refused"


class TransientError(MingusError):
    """Worth another try later. `retry_after` (seconds) is the provider's own wish, when it gave one."""

    # EX_TEMPFAIL of sysexits.h: the same command may work later.
    exit_code = 75
    code = "try-again"

    def __init__(self, message: str, *, code: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class RedisUnavailable(TransientError):
    """Redis does not answer, or refuses us."""

    # EX_UNAVAILABLE of sysexits.h.
    exit_code = 69
    code = "redis-unavailable"


class StoreUnavailable(TransientError):
    """The store is locked, full, read-only or unreadable."""

    code = "store-unavailable"


class LeadLost(TransientError):
    """Another scheduler leads by now: what this one decided was not written."""

    code = "lead-lost"


class DependencyDown(TransientError):
    """A service outside that jobs need has failed. Five in a row open its circuit breaker."""

    code = "dependency-down"

    def __init__(self, dependency: str, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.dependency = dependency


class PermanentError(MingusError):
    """Trying again would change nothing."""

    code = "permanent"
