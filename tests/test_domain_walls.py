"""Signs of a page that stands where an article should: where each kind of sign is looked for."""

from __future__ import annotations

import re

import pytest

from mingus_lib.domain.walls import Wall, sign_of, walls

WALL = Wall("x", re.compile("the title"), re.compile(r"the\s+phrase"), re.compile("the hint"))


@pytest.mark.parametrize(
    ("title", "visible", "bare", "sign"),
    [
        ("In the title", "", False, "the title"),
        ("", "Of the title", False, None),
        ("", "Of the\n  phrase", False, "the phrase"),
        ("Of the phrase", "", False, None),
        ("", "Of the hint", True, "the hint"),
        ("", "Of the hint", False, None),
        ("Of the hint", "", True, None),
        ("the title", "the phrase, the hint", True, "the title"),
        ("", "the hint, the phrase", True, "the phrase"),
        ("A budget", "that bends", True, None),
    ],
)
def test_where_a_sign_is_looked_for(title: str, visible: str, bare: bool, sign: str | None) -> None:
    assert sign_of(WALL, title, visible, bare=bare) == sign


def test_walls_are_looked_for_in_this_order() -> None:
    assert [wall.code for wall in walls()] == ["error-page", "bot-check", "consent-wall", "login-wall"]


@pytest.mark.parametrize(
    ("code", "title", "phrase", "hint"),
    [
        ("error-page", "PAGE NOT FOUND", "The page you requested", "It may have been moved"),
        ("error-page", "503 Unavailable", "Error: 404 not found", "may have been deleted"),
        ("bot-check", "Just a moment...", "Verifying you are human", "Ray ID: 8f"),
        ("bot-check", "DDoS-Guard", "Complete the CAPTCHA", "unusual traffic from your network"),
        ("consent-wall", "Before you continue", "Pay or accept", "We value your privacy"),
        ("login-wall", "Members only", "Sign in to read", "Already a subscriber?"),
    ],
)
def test_each_wall_is_known_by_its_title_its_phrases_and_its_hints(
    code: str, title: str, phrase: str, hint: str
) -> None:
    (wall,) = [each for each in walls() if each.code == code]
    for text in (title.upper(), title.lower()):
        assert sign_of(wall, text, "", bare=False)
    for text in (phrase.upper(), phrase.lower()):
        assert sign_of(wall, "", text, bare=False)
    for text in (hint.upper(), hint.lower()):
        assert sign_of(wall, "", text, bare=True)
        assert not sign_of(wall, "", text, bare=False)
