"""Duplicates: hashes, fingerprints, bands and the decision."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import dedupe
from mingus_lib.domain.dedupe import Candidate, Kind
from mingus_lib.domain.library import KnownArticle
from mingus_lib.domain.models import ArticleStatus

signed = st.integers(-(2**63), 2**63 - 1)
ESSAY = " ".join(
    f"sentence {n} tells what happened to saver number {n * 7} in town {n % 9}." for n in range(60)
)


def flipped(fingerprint: int, positions: set[int]) -> int:
    bits = fingerprint & (2**64 - 1)
    for position in positions:
        bits ^= 1 << position
    return bits - 2**64 if bits >> 63 else bits


@given(signed, st.sets(st.integers(0, 63), max_size=4))
def test_fingerprints_at_most_four_bits_apart_share_a_band(fingerprint: int, positions: set[int]) -> None:
    other = flipped(fingerprint, positions)
    assert set(dedupe.bands(fingerprint)) & set(dedupe.bands(other))


@given(signed, st.lists(st.sets(st.integers(0, 63)), max_size=20))
def test_close_keeps_what_is_within_the_distance(fingerprint: int, flips: list[set[int]]) -> None:
    others = list(enumerate(flipped(fingerprint, positions) for positions in flips))
    near = [(n, len(positions)) for n, positions in enumerate(flips) if len(positions) <= dedupe.MAX_DISTANCE]
    assert dedupe.close(fingerprint, others) == near


@given(signed, signed)
def test_bands_tell_fingerprints_apart(one: int, other: int) -> None:
    assert (dedupe.bands(one) == dedupe.bands(other)) is (one == other)


@given(st.text())
def test_any_text_has_a_fingerprint_and_a_hash_that_sqlite_can_keep(text: str) -> None:
    assert -(2**63) <= dedupe.simhash(text) < 2**63
    assert len(dedupe.content_hash(text)) == 64


@given(st.text(st.characters(codec="utf-8")))
def test_hash_ignores_case_and_white_space(text: str) -> None:
    spaced = "\n" + "  ".join(text.split()) + "\t"
    assert dedupe.content_hash(spaced) == dedupe.content_hash(text)


def test_hash_tells_texts_apart() -> None:
    assert dedupe.content_hash("save money") != dedupe.content_hash("save honey")
    assert dedupe.content_hash("SAVE  money\n") == dedupe.content_hash("save money")


def test_fingerprint_is_stable_across_releases() -> None:
    # Fingerprints are stored: another value here means that old articles are no longer found.
    fingerprint = dedupe.simhash("the quick brown fox jumps over the lazy dog")
    assert fingerprint == -1809802595650662016
    assert dedupe.bands(fingerprint) == (4480, 66892, 133169, 197780, 265838)
    # Every bit is in one of the bands.
    assert dedupe.bands(-1) == (8191, 73727, 139263, 204799, 266239)


def test_half_a_surrogate_has_a_fingerprint_too() -> None:
    assert dedupe.simhash("a \ud800 b") == dedupe.simhash("a \ud801 b") != dedupe.simhash("a c b")


def test_small_edits_move_few_bits_and_other_texts_many() -> None:
    edited = ESSAY.replace("saver number 70 ", "saver number seventy ")
    other = " ".join(f"recipe {n} asks for {n * 3} grams of flour and {n % 5} eggs." for n in range(60))
    ((_, bits),) = dedupe.close(dedupe.simhash(ESSAY), [(1, dedupe.simhash(edited))])
    assert bits <= 4
    assert dedupe.close(dedupe.simhash(ESSAY), [(1, dedupe.simhash(other))]) == []


def shared(one: str, other: str) -> float:
    return dedupe.shared(dedupe.phrases(one), dedupe.phrases(other))


@given(st.text(), st.text())
def test_shared_is_symmetric_and_a_share(one: str, other: str) -> None:
    share = shared(one, other)
    assert 0 <= share <= 1
    assert share == shared(other, one)


def test_shared_counts_runs_of_the_shorter_text() -> None:
    assert shared(ESSAY, "An introduction. " + ESSAY) == 1
    assert shared("one two three four", "one two three five") == 0.5
    assert shared("", "anything") == 0


def known(status: ArticleStatus = ArticleStatus.PUBLISHED, alias: bool = False) -> KnownArticle:
    return KnownArticle(7, "https://example.org/a", status, alias=alias)


def test_nothing_like_it_is_new() -> None:
    decision = dedupe.decide(ESSAY, None, None, [Candidate(3, "another text altogether, of other words")])
    assert (decision.kind, decision.article_id, decision.reason) == (Kind.NEW, None, None)


@pytest.mark.parametrize("status", list(ArticleStatus))
def test_address_comes_first(status: ArticleStatus) -> None:
    decision = dedupe.decide(ESSAY, known(status), 3, [Candidate(4, ESSAY)])
    assert (decision.kind, decision.article_id) == (Kind.SAME_ADDRESS, 7)
    assert decision.reason == f"same-address: article 7 ({status}) has this address"


def test_same_text_comes_before_nearly_the_same() -> None:
    decision = dedupe.decide(ESSAY, None, 3, [Candidate(2, ESSAY)])
    assert (decision.kind, decision.article_id) == (Kind.SAME_TEXT, 3)
    assert (decision.reason or "").startswith("same-text: article 3")


def test_first_near_duplicate_stays() -> None:
    decision = dedupe.decide(
        ESSAY, None, None, [Candidate(9, ESSAY), Candidate(5, ESSAY), Candidate(1, "no")]
    )
    assert (decision.kind, decision.article_id) == (Kind.NEAR_DUPLICATE, 5)
    assert decision.reason == "near-duplicate: article 5 shares 100% of the text"


def test_force_refreshes_the_address_and_ignores_texts() -> None:
    assert dedupe.decide(ESSAY, known(), 3, force=True).kind is Kind.REFRESH
    assert dedupe.decide(ESSAY, known(alias=True), 3, force=True).kind is Kind.NEW
    assert dedupe.decide(ESSAY, None, 3, [Candidate(3, ESSAY)], force=True).kind is Kind.NEW
