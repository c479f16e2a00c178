"""Host rules and follow-ups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mingus_lib.domain.library import HostPolicy, HostRule
from mingus_lib.errors import NotFound, UsageError
from mingus_lib.store import hosts as hosts_module
from mingus_lib.store.database import Store
from mingus_lib.store.followups import FollowUps
from mingus_lib.store.hosts import Hosts
from tests.store_samples import NOW


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "mingus.db") as opened:
        yield opened


@pytest.fixture
def hosts(store: Store) -> Hosts:
    return Hosts(store)


def test_seeds_cover_subdomains_by_whole_labels(hosts: Hosts) -> None:
    assert hosts.policy("www.NerdWallet.com.").quality == 0.95
    assert hosts.policy("nerdwallet.com").policy is HostPolicy.ALLOW
    for other in ("notnerdwallet.com", "nerdwallet.com.evil.example", "com", "t.co", "wallet.com", ""):
        assert hosts.policy(other) == HostRule(other)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(host=st.text())
def test_any_text_may_be_asked_about(hosts: Hosts, host: str) -> None:
    assert 0 <= hosts.policy(host.encode(errors="replace").decode()).quality <= 1


def test_most_specific_rule_counts(hosts: Hosts) -> None:
    hosts.deny("example.org", note="spam")
    hosts.allow("good.example.org", quality=0.8)
    assert hosts.policy("a.good.example.org") == HostRule(
        "good.example.org", HostPolicy.ALLOW, 0.8, None, "operator"
    )
    assert hosts.policy("bad.example.org").note == "spam"
    assert [rule.host for rule in hosts.list(HostPolicy.DENY) if rule.origin == "operator"] == ["example.org"]


def test_a_name_in_its_own_letters_is_that_of_addresses(hosts: Hosts) -> None:
    assert hosts.deny("Bücher.example.").host == "xn--bcher-kva.example"
    assert hosts.policy("www.xn--bcher-kva.example").policy is HostPolicy.DENY
    assert hosts.forget("bücher.example").policy is HostPolicy.UNKNOWN


def test_setting_one_thing_keeps_the_other(hosts: Hosts) -> None:
    hosts.deny("nytimes.com")
    assert hosts.policy("nytimes.com") == HostRule("nytimes.com", HostPolicy.DENY, 0.95, None, "operator")
    hosts.set("nytimes.com", quality=0.1)
    assert hosts.policy("nytimes.com").policy is HostPolicy.DENY


def test_a_new_seed_file_never_overrules_an_operator(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    Hosts(store).deny("nytimes.com")
    seed = '[[host]]\nhost = "{}"\npolicy = "allow"\nquality = 0.5\n'
    text = seed.format("nytimes.com") + seed.format("new.example")
    monkeypatch.setattr(hosts_module, "_seed_text", lambda: text)
    fresh = Hosts(store)
    assert fresh.policy("nytimes.com").policy is HostPolicy.DENY
    assert [rule.host for rule in fresh.list()] == ["new.example", "nytimes.com"]


def test_a_rule_taken_back_leaves_what_applied_before(hosts: Hosts) -> None:
    before = hosts.policy("nytimes.com")
    hosts.deny("nytimes.com", note="not now")
    hosts.deny("blog.nytimes.com")
    assert hosts.forget("nytimes.com") == before
    assert hosts.policy("blog.nytimes.com").policy is HostPolicy.DENY
    assert hosts.forget("blog.nytimes.com") == before
    for none in ("nytimes.com", "blog.nytimes.com", "never.example"):
        with pytest.raises(NotFound, match=f"you set no rule for {none} "):
            hosts.forget(none)


@pytest.mark.parametrize(
    "host", ["", "https://example.org", "a/b", "a b", "-a.org", "x" * 300, "a..b", "ü .org"]
)
def test_bad_host_names_are_refused(hosts: Hosts, host: str) -> None:
    with pytest.raises(UsageError, match="host name"):
        hosts.allow(host)


@pytest.mark.parametrize("quality", [-0.1, 1.1, float("nan")])
def test_bad_quality_is_refused(hosts: Hosts, quality: float) -> None:
    with pytest.raises(UsageError, match="from 0 to 1"):
        hosts.allow("example.org", quality=quality)


def test_follow_up_is_recorded_once_and_taken_once(store: Store) -> None:
    follow_ups = FollowUps(store)
    first = follow_ups.record("classify_article_batch", {"b": 1, "a": [2]}, "job1", NOW)
    assert follow_ups.record("classify_article_batch", {"a": [2], "b": 1}, "job1") == first
    second = follow_ups.record("classify_article_batch", {"a": [2], "b": 1}, "job2", NOW)
    assert [(each.id, each.args, each.parent_id) for each in follow_ups.pending()] == [
        (first, {"a": [2], "b": 1}, "job1"),
        (second, {"a": [2], "b": 1}, "job2"),
    ]
    assert follow_ups.pending(["other"]) == []
    assert len(follow_ups.pending(["classify_article_batch"], limit=1)) == 1
    assert follow_ups.mark(first, "new-job", NOW)
    assert not follow_ups.mark(first, "second-job", NOW)
    assert follow_ups.record("classify_article_batch", {"a": [2], "b": 1}, "job1") == first
    assert [each.id for each in follow_ups.pending()] == [second]
