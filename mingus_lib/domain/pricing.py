"""What a call costs: prices by model from a dated file. Pure but for reading the shipped file."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mingus_lib.domain import datafiles
from mingus_lib.errors import UsageError

MILLION = 1_000_000
FIELDS = ("input", "cached", "output")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; `cached` are part of `tokens_in`."""

    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, and the date of the list."""

    input: float
    cached: float
    output: float
    date: str
    batch_share: float = 0.5

    def of(self, usage: Usage, *, batch: bool = False) -> float:
        """What the usage costs, in US dollars."""
        # What a server counts is believed no further than it adds up.
        cached = min(usage.cached, usage.tokens_in)
        whole = (
            (usage.tokens_in - cached) * self.input + cached * self.cached + usage.tokens_out * self.output
        ) / MILLION
        return whole * self.batch_share if batch else whole


@dataclass(frozen=True, slots=True)
class Prices:
    """A price list. Made by `shipped` or `read`."""

    where: str
    models: Mapping[str, Price]
    date: str = "unknown"

    def age(self, today: datetime.date) -> int | None:
        """Days since the list's date; None when it tells none."""
        try:
            return (today - datetime.date.fromisoformat(self.date)).days
        except ValueError:
            return None

    def of(self, model: str) -> Price:
        """The price of a model, a dated name under its undated one; UsageError for one not on the list."""
        # A dated name goes on with its year; what goes on otherwise is another model, at another price.
        fitting = [name for name in self.models if model == name or model.startswith(f"{name}-2")]
        if not fitting:
            raise UsageError(
                f'no price is known for the model {model!r}: add [models."{model}"] to a copy of {self.where} '
                "and set MINGUS_AI_PRICES to it",
                code="no-price",
            )
        # A dated price of its own goes before that of the undated name.
        return self.models[max(fitting, key=len)]


def shipped() -> Prices:
    """The list that comes with mingus."""
    return read(datafiles.text("prices.toml"), "prices.toml")


def read(text: str, where: str) -> Prices:
    """A price list from its TOML; UsageError names what is wrong."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: {error}") from error
    dated, share = str(found.get("date", "unknown")), found.get("batch_share", 0.5)
    models = found.get("models")
    if not isinstance(models, Mapping) or not models:
        raise UsageError(f'{where}: no prices; write [models."NAME"] with input, cached and output')
    batch = _amount(share, f"{where}: batch_share")
    priced = {name: _price(name, table, where, dated, batch) for name, table in models.items()}
    return Prices(where, priced, dated)


def _price(name: str, table: Any, where: str, dated: str, batch_share: float) -> Price:
    if not isinstance(table, Mapping):
        raise UsageError(f'{where}: models."{name}" is no table; write input, cached and output below it')
    # At the full price where none is told: an estimate may be too high, never too low.
    with_cached = {"cached": table.get("input"), **table}
    paid, cached, output = (
        _amount(with_cached.get(field), f'{where}: models."{name}".{field}') for field in FIELDS
    )
    return Price(paid, cached, output, dated, batch_share)


def _amount(value: object, where: str) -> float:
    # TOML's true is 1 to Python, and would be a price.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MILLION:
        raise UsageError(f"{where} = {value!r}: use US dollars for a million tokens, such as 0.40")
    return float(value)
