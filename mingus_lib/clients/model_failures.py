"""What can go wrong with a model's server, in our words, sorted by consequence.

OutOfService     nothing will work until somebody acts: no money left, a wrong key, an unknown model;
                 the breaker opens at once
ModelDown        time-outs, broken connections, 5xx, pages instead of JSON: the breaker counts
TooFast          a rate limit of the provider: wait as it says
Rejected         this question will never be answered: the article alone is given up
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mingus_lib.clients.pacing import MAX_RETRY_AFTER
from mingus_lib.errors import DependencyDown, MingusError, PermanentError, TransientError

if TYPE_CHECKING:
    import openai

DEPENDENCY = "openai"
SHORTEST_SECRET = 12
# A gateway passed the question on and then stopped waiting: the answer may have been made, and be charged.
PASSED_ON = (504, 524)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")
# Whatever a server writes into its errors, a key it may have been sent does not go on.
_SECRET = re.compile(r"\b(?:sk|key|Bearer)[-_ ][A-Za-z0-9_\-*.]{6,}")


class ModelDown(DependencyDown):
    """The server failed. `perhaps_paid`: it may have done the work and charge for it."""

    def __init__(self, message: str, *, retry_after: float | None = None, perhaps_paid: bool = False) -> None:
        super().__init__(DEPENDENCY, message, retry_after=retry_after)
        self.perhaps_paid = perhaps_paid


class OutOfService(ModelDown):
    """Nothing will work until somebody acts."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class TooFast(TransientError):
    """The provider wants us to wait."""

    code = "rate-limited"


class Rejected(PermanentError):
    """The server will not answer this question."""

    code = "model-rejected"


def translated(error: Exception, model: str, key: str) -> MingusError | None:
    """Our error for one of the openai library, or of what it lets through; None for a bug. `key` is kept out of it."""
    import openai

    # Older releases of the library wrap what the gate raised.
    if isinstance(error.__cause__, MingusError):
        return error.__cause__
    if isinstance(error, openai.APITimeoutError):
        return ModelDown(
            f"the model's server did not answer in time ({model})", perhaps_paid=_was_sent(error)
        )
    if isinstance(error, openai.APIConnectionError):
        cause = type(error.__cause__).__name__ if error.__cause__ else "no connection"
        return ModelDown(
            f"the model's server cannot be reached or broke off ({cause})", perhaps_paid=_was_sent(error)
        )
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, model, key)
    # The library lets through what its JSON parser raises; nesting without an end is a RecursionError.
    if isinstance(error, openai.APIError | ValueError | RecursionError):
        return ModelDown("the model's server answered something that is no JSON", perhaps_paid=True)
    return ModelDown(said(str(error), key)) if isinstance(error, openai.OpenAIError) else None


def _was_sent(error: Exception) -> bool:
    """Whether the request had left: then the provider may have worked for it."""
    return "Connect" not in type(error.__cause__).__name__ if error.__cause__ else True


def _of_status(error: openai.APIStatusError, model: str, key: str) -> MingusError:
    status, code, text = error.status_code, str(error.code or ""), said(error.message, key)
    # The same status as a pace that is too fast, but no waiting helps.
    if status == 429 and "insufficient_quota" in (code, str(error.type or "")):
        return OutOfService(f"the account has no credit left: {text}", code="insufficient-quota")
    if status == 429:
        return TooFast(f"the provider limits the rate: {text}", retry_after=retry_after(error))
    if status in (401, 403):
        return OutOfService(f"the server refuses the key (set OPENAI_API_KEY): {text}", code="bad-key")
    if status == 404:
        return OutOfService(
            f"the server has no model {model!r} at this address: {text}", code="no-such-model"
        )
    if status >= 500 or status in (408, 409):
        return ModelDown(
            f"the model's server answered {status}: {text}",
            retry_after=retry_after(error),
            perhaps_paid=status in PASSED_ON,
        )
    return Rejected(f"the server answered {status}: {text}")


def retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds that the server asks us to wait, if it does, an hour at most."""
    # OpenAI's own header, which says it more finely, first.
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        raw = error.response.headers.get(name, "")
        if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", raw):
            return min(MAX_RETRY_AFTER, float(raw) * unit)
    return None


def is_page(found: object) -> bool:
    """Whether this is an HTML page: what a proxy or a portal answers in the place of a model's server."""
    return isinstance(found, str) and any(mark in found[:2000].lower() for mark in ("<html", "<!doctype"))


def said(text: str, key: str = "") -> str:
    """A server's words on one printable line, short, without a key; an HTML page is only called that."""
    if is_page(text):
        return "an HTML page"
    # A word such as "test" for a server that wants no key is no secret, and may occur in any message.
    if len(key) >= SHORTEST_SECRET:
        text = text.replace(key, "***")
    return _SECRET.sub("***", _UNPRINTABLE.sub(" ", text))[:200].strip()
