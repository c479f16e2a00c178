"""The editor's page: what waits is shown as text, and decided by the service behind the command."""

from __future__ import annotations

from typing import Any

import pytest

from mingus_lib.store.labels import LabelStore
from tests.dashboard_parts import client, post
from tests.label_samples import Library, job
from tests.runtime_parts import Parts

TITLES = ("<script>alert(1)</script>", "Over")


@pytest.fixture
def labels(parts: Parts) -> LabelStore:
    """Two labelled articles that wait for an editor, one with a hostile title."""
    return waiting_labels(parts)


def test_what_waits_is_shown_and_decided(parts: Parts, labels: LabelStore) -> None:
    browser: Any = client(parts)
    page = browser.get("/review").text
    assert "2 wait for an editor" in page
    assert "<script>alert" not in page
    assert post(browser, "/review", id="1", deed="accept").status_code == 303
    assert [row["id"] for row in labels.waiting()] == [2]
    sent = post(browser, "/review", id="2", deed="override", field="primary_phase", value="HAVE", note="sure")
    assert sent.status_code == 303
    assert labels.waiting() == []
    assert labels.labels(2).primary_phase == "HAVE"
    assert "Nothing waits" in browser.get("/review").text
    assert post(browser, "/review/undo").status_code == 303
    assert [row["id"] for row in labels.waiting()] == [2]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"deed": "accept"}, "mark the articles"),
        ({"id": "x", "deed": "accept"}, "no ids"),
        ({"id": "1"}, "Press one of the buttons"),
        ({"id": "1", "deed": "override", "field": "primary_phase", "value": "MORE"}, "primary_phase"),
        ({"id": "1", "deed": "override", "field": "evil", "value": "1"}, "no field"),
    ],
)
def test_what_will_not_do_is_said_and_changes_nothing(
    parts: Parts, labels: LabelStore, fields: dict[str, str], told: str
) -> None:
    answer = post(client(parts), "/review", **fields)
    assert (answer.status_code, told in answer.text) == (400, True)
    assert len(labels.waiting()) == 2


def test_a_foreign_form_decides_nothing(parts: Parts, labels: LabelStore) -> None:
    browser: Any = client(parts)
    assert browser.post("/review", data={"id": "1", "deed": "accept"}).status_code == 403
    assert len(labels.waiting()) == 2


def waiting_labels(parts: Parts) -> LabelStore:
    """Fill the library of `parts` with texts that tell too little."""
    library = Library(parts.folder)
    items = [{"title": title, "text": "Something happened, and then it was over."} for title in TITLES]
    ids = library.fill(2, items)
    library.classify().process(ids, job=job())
    assert len(library.labels.waiting()) == 2
    return library.labels
