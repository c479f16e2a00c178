"""What a call costs, which price a model has, and what is no price list."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import pricing
from mingus_lib.domain.pricing import Price, Prices, Usage
from mingus_lib.errors import UsageError

PRICE = Price(input=2.0, cached=0.5, output=8.0, date="2025-08-07")
tokens = st.integers(0, 10_000_000)


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(), 0.0),
        (Usage(tokens_in=1_000_000), 2.0),
        (Usage(tokens_out=1_000_000), 8.0),
        (Usage(tokens_in=1_000_000, cached=1_000_000), 0.5),
        # 600,000 at 2, 400,000 at 0.5, 250,000 at 8: 1.2 + 0.2 + 2.
        (Usage(tokens_in=1_000_000, tokens_out=250_000, cached=400_000), 3.4),
    ],
)
def test_a_usage_costs_its_tokens_at_the_price_for_a_million(usage: Usage, dollars: float) -> None:
    assert PRICE.of(usage) == pytest.approx(dollars)


def test_more_cached_tokens_than_came_in_are_not_believed() -> None:
    assert PRICE.of(Usage(tokens_in=1_000_000, cached=9_000_000)) == pytest.approx(0.5)


def test_a_batch_costs_its_share_and_half_where_none_is_told() -> None:
    usage = Usage(tokens_in=1_000_000, tokens_out=1_000_000)
    assert PRICE.of(usage, batch=True) == pytest.approx(5.0)
    assert Price(2.0, 0.5, 8.0, "2025-08-07", batch_share=0.3).of(usage, batch=True) == pytest.approx(3.0)


@given(tokens, tokens, tokens)
def test_no_cost_is_below_nothing_or_above_the_price_without_a_cache(
    came: int, left: int, cached: int
) -> None:
    cost = PRICE.of(Usage(came, left, cached))
    assert 0 <= cost <= PRICE.of(Usage(came, left)) + 1e-9


def priced(*names: str) -> Prices:
    """A list in which every model's input costs its place, from one on."""
    prices = {name: Price(place, 0, 0, "unknown") for place, name in enumerate(names, 1)}
    return Prices("mine.toml", prices)


@pytest.mark.parametrize(
    ("model", "place"),
    [
        ("small", 1),
        ("small-2025-04-14", 1),
        ("small-mini", 2),
        ("small-mini-2025-04-14", 2),
        # A dated price of its own goes before that of the undated name.
        ("small-2026-01-01", 3),
    ],
)
def test_a_dated_model_has_the_price_of_its_undated_name(model: str, place: int) -> None:
    names = ("small", "small-mini", "small-2026-01-01")
    assert priced(*names).of(model).input == place
    # In whatever order the list has them.
    assert priced(*reversed(names)).of(model).input == 4 - place


@pytest.mark.parametrize("model", ["smal", "smaller", "small-turbo", "small2025", "a-small", ""])
def test_a_model_that_is_not_on_the_list_has_no_price(model: str) -> None:
    with pytest.raises(UsageError, match=r"to a copy of mine\.toml and set MINGUS_AI_PRICES to it") as caught:
        priced("small").of(model)
    assert caught.value.code == "no-price"
    assert f'[models."{model}"]' in str(caught.value)


@pytest.mark.parametrize(
    ("dated", "days"),
    [("2026-11-25", 0), ("2026-10-25", 31), ("2026-11-26", -1), ("unknown", None), ("last May", None)],
)
def test_a_list_is_as_old_as_its_date_tells(dated: str, days: int | None) -> None:
    assert Prices("mine.toml", {}, dated).age(date(2026, 11, 25)) == days


def test_a_list_is_read_with_all_that_it_tells() -> None:
    text = """
        date = "2026-11-01"
        batch_share = 0.25
        [models."a-1.5"]
        input = 2
        cached = 0.5
        output = 8.0
        [models.b]
        input = 0.1
        cached = 0
        output = 0.4
    """
    assert pricing.read(text, "mine.toml") == Prices(
        "mine.toml",
        {
            "a-1.5": Price(2.0, 0.5, 8.0, "2026-11-01", 0.25),
            "b": Price(0.1, 0.0, 0.4, "2026-11-01", 0.25),
        },
        "2026-11-01",
    )


def test_a_list_that_tells_little_costs_the_full_price_for_what_is_cached() -> None:
    read = pricing.read("[models.a]\ninput = 2\noutput = 8", "mine.toml")
    assert read == Prices("mine.toml", {"a": Price(2.0, 2.0, 8.0, "unknown", 0.5)}, "unknown")
    assert read == Prices("mine.toml", read.models)


def test_a_date_without_quotes_is_a_date_too() -> None:
    read = pricing.read("date = 2026-11-01\n[models.a]\ninput = 2\noutput = 8", "mine.toml")
    assert (read.date, read.models["a"].date) == ("2026-11-01", "2026-11-01")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models = [", "mine.toml: "),
        ("", "mine.toml: no prices; write"),
        ("models = 3", "mine.toml: no prices; write"),
        ("[models]", "mine.toml: no prices; write"),
        ("[models]\na = 1", 'mine.toml: models."a" is no table; write input, cached and output'),
        ("[models.a]\noutput = 8", 'mine.toml: models."a".input = None: use US dollars'),
        ("[models.a]\ninput = 2", 'mine.toml: models."a".output = None: use US dollars'),
        ("[models.a]\ninput = 2\ncached = -1\noutput = 8", 'mine.toml: models."a".cached = -1: use'),
        ("batch_share = true\n[models.a]\ninput = 2\noutput = 8", "mine.toml: batch_share = True: use"),
    ],
)
def test_what_is_no_price_list_is_said(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        pricing.read(text, "mine.toml")
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("amount", ["-0.01", "1000000", "1e9", "inf", "nan", "true", '"2"', "[]"])
def test_an_amount_is_a_number_from_nothing_to_below_a_million(amount: str) -> None:
    with pytest.raises(UsageError, match=r'models\."a"\.input = .*: use US dollars for a million tokens'):
        pricing.read(f"[models.a]\ninput = {amount}\noutput = 8", "mine.toml")


@pytest.mark.parametrize("amount", [0, 0.001, 1, 999_999.5])
def test_what_costs_nothing_or_much_has_a_price(amount: float) -> None:
    read = pricing.read(f"[models.a]\ninput = {amount}\noutput = {amount}", "mine.toml")
    assert read.of("a") == Price(amount, amount, amount, "unknown")


def test_the_list_that_comes_along_has_a_date_and_a_cache_that_is_no_dearer() -> None:
    listed = pricing.shipped()
    assert listed.where == "prices.toml"
    assert listed.age(date.fromisoformat(listed.date)) == 0
    assert all(0 < each.cached <= each.input <= each.output for each in listed.models.values())
