"""Kinds of values a setting can have: how each is read, what is allowed, how it is shown. Pure.

`parse` takes what a person wrote: a string (flag or environment) or a TOML value. It raises
ValueError without a message; the caller says where the value stood and what `allowed` is.
Longer than 300 lines on purpose: a dozen kinds alike, side by side.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Any, TypeVar
from urllib.parse import urlsplit

SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
SHOWN_UNITS = {"GB": 10**9, "GiB": 2**30, "MB": 10**6, "MiB": 2**20, "kB": 10**3, "KiB": 2**10}
NOTHING = "none"

N = TypeVar("N", int, float)

# Fifteen digits are what a float holds exactly.
_QUANTITY = r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([a-z]*)"


class Kind(ABC):
    """One kind of value. `allowed` completes the sentence "use ..."."""

    @property
    @abstractmethod
    def allowed(self) -> str:
        """What may be written."""

    @abstractmethod
    def parse(self, raw: object) -> Any:
        """The value of what was written; ValueError when it cannot be one."""

    def show(self, value: Any) -> str:
        """The value for a person, in a form `parse` takes back."""
        return NOTHING if value is None else str(value)

    def as_toml(self, value: Any) -> str:
        """The value as it stands in mingus.toml."""
        return _quoted(self.show(value))


class Whole(Kind):
    """A whole number."""

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.high = high

    @property
    def allowed(self) -> str:
        return f"a whole number, {self.low} to {self.high}"

    def parse(self, raw: object) -> int:
        # int() alone takes underscores, signs and the digits of every script.
        number = int(raw) if isinstance(raw, str) and re.fullmatch(r"\s*[0-9]{1,15}\s*", raw) else raw
        if isinstance(number, bool) or not isinstance(number, int):
            raise ValueError
        return _within(number, self.low, self.high)

    def as_toml(self, value: Any) -> str:
        return str(value)


class Port(Whole):
    """A TCP port, or none."""

    def __init__(self) -> None:
        super().__init__(1, 65_535)

    @property
    def allowed(self) -> str:
        return f'{super().allowed}, or "{NOTHING}"'

    def parse(self, raw: object) -> Any:
        return None if raw == NOTHING else super().parse(raw)

    def as_toml(self, value: Any) -> str:
        return _quoted(NOTHING) if value is None else str(value)


class Duration(Kind):
    """A time in seconds; `whole` seconds where what takes it knows no fractions."""

    def __init__(self, low: float, high: float, whole: bool = False) -> None:
        self.low = low
        self.high = high
        self.whole = whole

    @property
    def allowed(self) -> str:
        whole = "whole " if self.whole else ""
        span = f"{self.show(self.low)} to {self.show(self.high)}"
        return f"a time, {span}, in {whole}seconds or such as 2s, 5m, 1h"

    def parse(self, raw: object) -> float:
        seconds = _within(_quantity(raw, SECONDS, "s"), self.low, self.high)
        if self.whole and not seconds.is_integer():
            raise ValueError
        return int(seconds) if self.whole else seconds

    def show(self, value: Any) -> str:
        for unit in ("d", "h"):
            if value and value % SECONDS[unit] == 0:
                return f"{value // SECONDS[unit]:.0f} {unit}"
        return f"{self.as_toml(value)} s"

    def as_toml(self, value: Any) -> str:
        return str(int(value)) if float(value).is_integer() else f"{value:.9f}".rstrip("0")


class Size(Kind):
    """A number of bytes; kB, MB and GB are powers of ten."""

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.high = high

    @property
    def allowed(self) -> str:
        return (
            f"a number of bytes, {self.show(self.low)} to {self.show(self.high)}, such as 500kB, 10MB or 8MiB"
        )

    def parse(self, raw: object) -> int:
        size = _quantity(raw, BYTES, "b")
        if not size.is_integer():
            raise ValueError
        return _within(int(size), self.low, self.high)

    def show(self, value: Any) -> str:
        for unit, size in SHOWN_UNITS.items():
            if value >= size and value % size == 0:
                return f"{value // size} {unit}"
        return f"{value} B"


class Amount(Kind):
    """A number, perhaps a broken one; `unit` stands before it, and none is allowed where there may be no limit."""

    def __init__(self, low: float, high: float, unit: str = "", may_be_none: bool = False) -> None:
        self.low = low
        self.high = high
        self.unit = unit
        self.may_be_none = may_be_none

    @property
    def allowed(self) -> str:
        none = f', or "{NOTHING}"' if self.may_be_none else ""
        return f"a number, {self.show(self.low)} to {self.show(self.high)}{none}"

    def parse(self, raw: object) -> float | None:
        if self.may_be_none and raw == NOTHING:
            return None
        text = str(raw) if isinstance(raw, int | float) and not isinstance(raw, bool) else _text(raw)
        match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)", text.removeprefix(self.unit))
        if match is None:
            raise ValueError
        return _within(float(match[1]), self.low, self.high)

    def show(self, value: Any) -> str:
        return NOTHING if value is None else f"{self.unit}{value:.12g}"

    def as_toml(self, value: Any) -> str:
        return _quoted(NOTHING) if value is None else f"{value:.12g}"


class Choice(Kind):
    """One word of a few."""

    def __init__(self, options: tuple[str, ...]) -> None:
        self.options = options

    @property
    def allowed(self) -> str:
        return f"one of {', '.join(self.options)}"

    def parse(self, raw: object) -> str:
        word = _text(raw).lower()
        if word not in self.options:
            raise ValueError
        return word


class Switch(Kind):
    """On or off."""

    allowed = "yes or no"

    def parse(self, raw: object) -> bool:
        if isinstance(raw, bool):
            return raw
        word = _text(raw).lower()
        if word not in ("1", "yes", "true", "on", "0", "no", "false", "off"):
            raise ValueError
        return word in ("1", "yes", "true", "on")

    def show(self, value: Any) -> str:
        return "yes" if value else "no"

    def as_toml(self, value: Any) -> str:
        return "true" if value else "false"


class Line(Kind):
    """One line of printable ASCII, as an HTTP header takes it."""

    def __init__(self, longest: int) -> None:
        self.longest = longest

    @property
    def allowed(self) -> str:
        return f"one line of 1 to {self.longest} printable ASCII characters"

    def parse(self, raw: object) -> str:
        line = _text(raw)
        # A line break would end the header and begin another.
        if not line or len(line) > self.longest or not (line.isascii() and line.isprintable()):
            raise ValueError
        return line


class Token(Kind):
    """A secret word, or none; never shown."""

    def __init__(self, shortest: int, longest: int) -> None:
        self.shortest = shortest
        self.longest = longest

    @property
    def allowed(self) -> str:
        return (
            f"{self.shortest} to {self.longest} letters, digits or signs without spaces, such as those of "
            f'`openssl rand -hex 24`, or "{NOTHING}"'
        )

    def parse(self, raw: object) -> str | None:
        token = _text(raw)
        if token == NOTHING:
            return None
        if not self.shortest <= len(token) <= self.longest or not re.fullmatch(r"[!-~]+", token):
            raise ValueError
        return token

    def show(self, value: Any) -> str:
        return NOTHING if value is None else "***"


class Secret(Token):
    """A password as a provider makes it, with spaces perhaps, or none; never shown."""

    def __init__(self, longest: int) -> None:
        super().__init__(1, longest)

    @property
    def allowed(self) -> str:
        return f'one line of 1 to {self.longest} characters, or "{NOTHING}"'

    def parse(self, raw: object) -> Any:
        # Spaces at its ends may belong to a password.
        if not isinstance(raw, str) or not raw or len(raw) > self.longest or not raw.isprintable():
            raise ValueError
        return None if raw == NOTHING else raw


class Name(Kind):
    """One line of text in any script, or none."""

    def __init__(self, longest: int) -> None:
        self.longest = longest

    @property
    def allowed(self) -> str:
        return f'one line of 1 to {self.longest} characters, or "{NOTHING}"'

    def parse(self, raw: object) -> str | None:
        text = _text(raw)
        if not text or len(text) > self.longest or not text.isprintable():
            raise ValueError
        return None if text == NOTHING else text


class Folder(Kind):
    """The path of a folder, absolute once read; `~` is the home directory."""

    allowed = "the path of a folder"

    def parse(self, raw: object) -> Any:
        from pathlib import Path

        text = _text(raw)
        if not text or "\0" in text:
            raise ValueError
        try:
            path = Path(text).expanduser().absolute()
        except (RuntimeError, OSError) as error:
            # No home directory of that name, or a working directory that is gone.
            raise ValueError from error
        # A space before the last slash: written back and read again it would be another path.
        if str(path) != str(path).strip():
            raise ValueError
        return path


class File(Folder):
    """The path of a file, absolute once read, or none."""

    allowed = f'the path of a file, or "{NOTHING}"'

    def parse(self, raw: object) -> Any:
        return None if _text(raw) == NOTHING else super().parse(raw)


class Listing(Kind):
    """Several values separated by commas, or a TOML array; `none` is the empty list."""

    def __init__(self, item: Kind, what: str, may_be_empty: bool = False) -> None:
        self.item = item
        self.what = what
        self.may_be_empty = may_be_empty

    @property
    def allowed(self) -> str:
        return self.what + (f', or "{NOTHING}"' if self.may_be_empty else "")

    def parse(self, raw: object) -> tuple[Any, ...]:
        parts = [part.strip() for part in raw.split(",")] if isinstance(raw, str) else raw
        if not isinstance(parts, list):
            raise ValueError
        values = () if self.may_be_empty and parts == [NOTHING] else tuple(map(self.item.parse, parts))
        if not values and not self.may_be_empty:
            raise ValueError
        return tuple(dict.fromkeys(values))

    def show(self, value: Any) -> str:
        return ", ".join(map(self.item.show, value)) or NOTHING

    def as_toml(self, value: Any) -> str:
        return f"[{', '.join(map(self.item.as_toml, value))}]"


class Network(Kind):
    """An IP network, such as 10.0.0.0/8."""

    allowed = "a network such as 10.0.0.0/8 or ::1/128"

    def parse(self, raw: object) -> str:
        import ipaddress

        # Strict: 10.1.2.3/8 is a slip, and would open more than was meant.
        return str(ipaddress.ip_network(_text(raw)))


class Code(Kind):
    """A two-letter ISO 639-1 language code."""

    allowed = "a two-letter language code"

    def parse(self, raw: object) -> str:
        code = _text(raw).lower()
        if not re.fullmatch(r"[a-z]{2}", code):
            raise ValueError
        return code


class Address(Kind):
    """A URL of some schemes, or none; its password is never shown."""

    def __init__(self, schemes: tuple[str, ...], example: str) -> None:
        self.schemes = schemes
        self.example = example

    @property
    def allowed(self) -> str:
        return f'an address such as {self.example} (or {", ".join(self.schemes[1:])}), or "{NOTHING}"'

    def parse(self, raw: object) -> str | None:
        text = _text(raw)
        if text == NOTHING:
            return None
        url = urlsplit(text)
        complete = url.path.strip("/") if url.scheme == "unix" else url.netloc.rpartition("@")[2]
        if url.scheme not in self.schemes or not complete or not text.isprintable() or " " in text:
            raise ValueError
        # redis-py would read a database it does not understand as database 0.
        if url.scheme in ("redis", "rediss") and not re.fullmatch(r"/?[0-9]{0,4}", url.path):
            raise ValueError
        # A sentinel address lists several hosts, which urlsplit cannot read as one port.
        if not url.scheme.endswith("sentinel") and url.port == 0:
            raise ValueError
        return text

    def show(self, value: Any) -> str:
        return NOTHING if value is None else mask(value)


def mask(url: str) -> str:
    """The address without its password, be it before the `@` or in the query."""
    url = re.sub(r"(?i)([?&](?:\w*_)?(?:password|secret|token)=)[^&#]*", r"\1***", url)
    # The last one: a password may hold others.
    head, at, tail = url.rpartition("@")
    if not at:
        return url
    scheme, separator, credentials = head.rpartition("://")
    user, colon, _ = credentials.partition(":")
    return f"{scheme}{separator}{user + ':' if colon else ''}***@{tail}"


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError
    return raw.strip()


def _quantity(raw: object, units: dict[str, Any], bare: str) -> float:
    text = str(raw) if isinstance(raw, int | float) and not isinstance(raw, bool) else _text(raw)
    match = re.fullmatch(_QUANTITY, text.lower().replace("_", ""))
    if match is None or (match[2] or bare) not in units:
        raise ValueError
    # 1.001 times 1000 is 1000.9999999999999, and no whole number of bytes.
    return round(float(match[1]) * float(units[match[2] or bare]), 9)


def _within(number: N, low: float, high: float) -> N:
    if not low <= number <= high:
        raise ValueError
    return number


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Zone(Kind):
    """A time zone by its IANA name."""

    allowed = "an IANA time zone such as America/New_York or UTC"

    def parse(self, raw: object) -> str:
        from zoneinfo import ZoneInfo

        text = _text(raw)
        # Names that mean another zone on another machine.
        if text in ("localtime", "posixrules") or text.startswith(("right/", "posix/")):
            raise ValueError
        try:
            ZoneInfo(text)
        # The name of a folder of zones (`America`), or one that is too long, is an OSError.
        except (KeyError, OSError) as error:
            raise ValueError from error
        return text
