"""Trackers whose target only their server knows: followed when fetched, and judged again where they lead."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from mingus_lib.domain.linkpolicy import Fate
from mingus_lib.domain.maillinks import judge_address
from mingus_lib.domain.mails import LinkDecision
from mingus_lib.domain.unwrap import is_tracker
from mingus_lib.errors import PermanentError
from mingus_lib.store.hosts import Hosts

# A request for one of these could do something, so that it is not made; other stations only lead on.
NOT_ASKED = frozenset({"unsubscribe", "preferences", "share", "account", "denied-host"})


class Unwanted(PermanentError):
    """A tracker led to what the link policy drops. `reason` is the policy's own."""

    def __init__(self, reason: str) -> None:
        code, _, words = reason.partition(": ")
        super().__init__(words, code=code)


class Following:
    """The link policy for the redirects of one job; safe from many threads."""

    def __init__(self, hosts: Hosts, hold_unknown: bool) -> None:
        # The addresses of a job share their hosts, whose rules need not be read for each.
        self._rules = cache(hosts.policy)
        self._hold_unknown = hold_unknown

    def follows(self, url: str) -> bool:
        """Whether `url` is a tracker to be followed."""
        return is_tracker(url)

    def guard(self, url: str) -> Callable[[str], None] | None:
        """What to tell every station of the way from a tracker; it raises Unwanted. None for other addresses."""
        return self._station if is_tracker(url) else None

    def judge(self, url: str, final_url: str) -> None:
        """Raise Unwanted when the tracker `url` led to what is no article, or nowhere."""
        if not is_tracker(url):
            return
        fate = self._fate(final_url)
        if fate.decision is LinkDecision.DROP:
            raise Unwanted(fate.reason or "dropped: by the link policy")
        if fate.decision is LinkDecision.FOLLOW:
            raise Unwanted("tracker: it leads to no other page")

    def holds(self, url: str, final_url: str) -> bool:
        """Whether the page a tracker led to waits for an editor, its host being unknown."""
        return is_tracker(url) and self._fate(final_url).decision is LinkDecision.HOLD

    def _station(self, place: str) -> None:
        fate = self._fate(place)
        if fate.reason is not None and fate.reason.partition(":")[0] in NOT_ASKED:
            raise Unwanted(fate.reason)

    def _fate(self, url: str) -> Fate:
        return judge_address(url, self._rules, hold_unknown=self._hold_unknown)
