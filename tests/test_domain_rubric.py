"""The offline engine's scores, stage, income range and reading order."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mingus_lib.domain import prose, rubric
from mingus_lib.domain.labels import FOCUS_GROUPS, LEVELS, PHASES

NO_CULTURE = dict.fromkeys(FOCUS_GROUPS, 0.0)


@pytest.mark.parametrize(
    ("base", "points", "score"),
    [
        (3, 0, 3),
        (2, 6, 6),
        (4, 6, 7),
        (2, 12, 8),
        (2, 18, 9),
        (2, 3, 4),
        (3, 1000, 10),
        (3, -5, 3),
        (0, 0, 1),
        (12, 0, 10),
    ],
)
def test_six_points_give_half_of_what_is_missing_to_ten(base: float, points: float, score: int) -> None:
    assert rubric.raised(base, points) == score


def scored(text: str = "", orders: float = 0.0, culture: Mapping[str, float] = NO_CULTURE) -> tuple[int, ...]:
    """Demographic, cultural, income, action, profession."""
    return tuple(rubric.scores(prose.read("", text), NO_CULTURE | dict(culture), orders).values())


def test_each_score_has_its_base_and_its_words() -> None:
    assert list(rubric.scores(prose.read("", ""), NO_CULTURE, 0.0)) == list(rubric.BASES)
    assert scored() == (3, 3, 3, 2, 3)
    assert scored("Student loan, and first in my family, in the twenties.") == (6, 3, 3, 2, 3)
    # 2 + 2 + 1 + 1 for the income, and "client" 1 for the profession.
    assert scored("A job offer. Passive income. A client. Profit.") == (3, 3, 6, 2, 4)
    assert scored("How to: a checklist, a template and a spreadsheet") == (3, 3, 3, 6, 3)


@pytest.mark.parametrize(
    ("culture", "scores"),
    [
        ({"identity and community": 12.0}, (6, 8, 3, 2, 3)),
        ({"systemic barriers": 8.0, "career": 4.0}, (6, 8, 3, 2, 3)),
        # Money alone makes no text a cultural one.
        ({"income": 12.0}, (3, 3, 3, 2, 3)),
        ({"identity and community": 12.0, "income": 30.0}, (6, 8, 3, 2, 3)),
    ],
)
def test_cultural_words_count_whole_and_half_for_the_readers(
    culture: dict[str, float], scores: tuple[int, ...]
) -> None:
    assert scored(culture=culture) == scores


@pytest.mark.parametrize(("orders", "action"), [(0, 2), (1 / 3, 6), (2 / 3, 8), (1, 9)])
def test_orders_make_a_text_actionable(orders: float, action: int) -> None:
    assert scored(orders=orders) == (3, 3, 3, action, 3)


def test_a_group_has_the_points_of_its_words() -> None:
    points, hits = rubric.culture(prose.read("HBCU", "Redlining, and no salary"))
    # Thrice for the title, a quarter for what is denied.
    assert points == NO_CULTURE | {
        "identity and community": 9.0,
        "systemic barriers": 3.0,
        "income": 0.125,
    }
    assert [hit.term for hit in hits] == ["hbcu", "redlining", "salary"]


@pytest.mark.parametrize(
    ("points", "group"),
    [
        ({"career": 1.0, "income": 2.0}, "income"),
        ({"career": 1.0, "income": 1.0}, "career"),
        ({"career": 0.5, "income": -2.0}, "career"),
        ({"career": 0.0, "income": 0.0}, None),
        ({"career": -1.0, "income": -2.0}, None),
    ],
)
def test_the_focus_is_the_group_with_most_points(points: dict[str, float], group: str | None) -> None:
    assert rubric.focus(points) == group


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("", "All stages"),
        ("Your first job", "Early career"),
        ("An internship", "All stages"),
        ("An internship, and college", "Early career"),
        ("You are mid career now", "Mid-career"),
        ("A directorship", "Advanced"),
        ("From a first job to mid career", "All stages"),
        ("From a first job and college to mid career", "Early career"),
    ],
)
def test_a_stage_needs_three_points_and_more_than_the_others(text: str, stage: str) -> None:
    assert rubric.career_stage(prose.read("", text)) == stage


@pytest.mark.parametrize(
    ("level", "phase", "topics", "income"),
    [
        ("Advanced", "HAVE", ["saving"], "$80K-$100K"),
        ("Advanced", "DO", ["saving"], "All ranges"),
        ("Intermediate", "HAVE", ["saving"], "$60K-$80K"),
        ("Intermediate", "BE", ["saving"], "All ranges"),
        ("Beginner", "HAVE", ["saving", "investing"], "$40K-$60K"),
        ("Beginner", "BE", ["budgeting"], "$40K-$60K"),
        ("Beginner", "DO", ["investing", "saving"], "All ranges"),
        ("Beginner", "HAVE", [], "All ranges"),
    ],
)
def test_income_goes_by_level_phase_and_first_topic(
    level: str, phase: str, topics: list[str], income: str
) -> None:
    assert rubric.income_range(level, phase, topics) == income


def test_the_topics_of_small_incomes_are_reserves_and_debts() -> None:
    small = ("emergency fund", "budgeting", "credit", "debt management", "student loans", "saving")
    assert {rubric.income_range("Beginner", "DO", [topic]) for topic in small} == {"$40K-$60K"}


def test_easy_comes_before_hard_and_be_before_do_before_have() -> None:
    order = [rubric.reading_order(level, phase) for level in LEVELS for phase in PHASES]
    assert order == [10, 20, 30, 40, 50, 60, 70, 80, 90]
