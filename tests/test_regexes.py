"""No regular expression of mingus takes super-linear time on what it may be given.

The sweep over all of them takes a minute of CPU: MINGUS_TEST_REGEX=1, which `make fuzz` sets.
"""

from __future__ import annotations

import os
import re
import time

import pytest

from mingus_lib.domain import prose
from mingus_lib.domain.urls import canonical
from mingus_lib.errors import UsageError
from tests.fuzz_targets import TARGETS
from tests.regexes import Found, compiled, slow

# Where a pattern is (file and its beginning): the most characters that it is given, and why. Attacked at that length.
BOUNDED: dict[tuple[str, str], tuple[int, str]] = {
    ("extract/names.py", r"\s*(?:[|"): (500, "bylines are cut, and their white space folded"),
    ("extract/names.py", r"\s*;\s*"): (500, "the same"),
    ("extract/titles.py", ""): (1000, "titles are cut, and their white space folded"),
    ("extract/furniture.py", ""): (400, "MAX_NOTICE, MAX_ENDING"),
    ("domain/unwrap.py", ""): (8_000, "longer addresses are refused before"),
    ("urls/parts.py", ""): (8_000, "longer addresses are cut or refused before"),
    ("domain/crontimes.py", ""): (2_000, "an operator's own timetable"),
    ("dashboard/rq_templates.py", ""): (2_000, "the templates of an installed package"),
}


SWEEP = pytest.mark.skipif(not os.environ.get("MINGUS_TEST_REGEX"), reason="a part of `make fuzz`")


SPACES = " \n\t\x00"


def limits_of(found: Found) -> tuple[int | None, str]:
    """The bound, and what is never in it: an address with white space is refused before."""
    pattern = found.pattern if isinstance(found.pattern, str) else found.pattern.decode("latin-1")
    for (file, start), (bound, why) in BOUNDED.items():
        if f"{file}:" in found.where and pattern.startswith(start):
            return bound, SPACES if "address" in why else ""
    return None, ""


def exercise() -> None:
    """Have the patterns compiled that are made from rule files."""
    for target in TARGETS.values():
        for seed in list(target.seeds())[:2]:
            target.run(seed[: target.longest])


@SWEEP
def test_no_pattern_is_super_linear() -> None:
    found = compiled(exercise)
    assert len(found) > 100
    told = {each.where: attack for each in found if (attack := slow(each, *limits_of(each)))}
    assert told == {}


@SWEEP
@pytest.mark.parametrize(
    "pattern", ["a*a*b", "(a|a)*b", r"x\s*\s*y", "(a+)+$", r"\s+$", "<!--.*?-->", r"\w+@", "(?:x+y?)+z"]
)
def test_what_is_super_linear_is_found(pattern: str) -> None:
    assert slow(Found(pattern, re.DOTALL, "here", ("search",)))


@SWEEP
@pytest.mark.parametrize("pattern", ["a+b", r"(?<!\s)\s++$", "[^<]*", "a{1,40}b"])
def test_what_is_linear_is_not(pattern: str) -> None:
    assert slow(Found(pattern, 0, "here", ("match",))) is None


@pytest.mark.parametrize(
    "text", ["https://a.example/" + "//a" * 300_000, "https://" + ":0" * 300_000, "//" + " :" * 300_000]
)
def test_an_endless_address_is_refused_at_once(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(UsageError):
        canonical(text)
    assert time.process_time() - begun < 1.0


def test_an_endless_address_does_not_show_its_password() -> None:
    with pytest.raises(UsageError) as caught:
        canonical("https://user:" + "hush" * 3000 + "@example.com/")
    assert "hush" not in str(caught.value)


def test_a_page_of_dots_is_read_at_once() -> None:
    begun = time.process_time()
    assert prose.read("", "." * 59_000 + "x" * 9000).count == 1
    assert time.process_time() - begun < 1.0
