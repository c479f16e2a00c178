"""Whether a link of a mail may be an article, and the reason when it is not: one pure function.

The words and hosts are data (data/linkpolicy.toml). Reasons are `code: words for a person`; the codes are

    mailto not-web bad-address in-page            what is no web address
    pixel hidden                                  what no reader sees
    unsubscribe preferences view-in-browser       the mail's own machinery
    share account legal service                   what readers do, not read
    social media furniture                        whole hosts; `furniture` are CDNs and schemas
    file home-page index-page                     what is no page, or a page of links
    denied-host unknown-host                      the host policy: out, or kept for an editor
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import NamedTuple
from unicodedata import normalize

from mingus_lib.domain import datafiles
from mingus_lib.domain.library import HostPolicy, HostRule
from mingus_lib.domain.mails import LinkDecision
from mingus_lib.domain.urls import Parts, domains_of, registrable_domain, take_apart
from mingus_lib.errors import UsageError

# Texts longer than this are headlines, whatever they begin with.
MAX_PHRASE_WORDS = 12
# Four words or more are a headline; the names of sections are shorter.
HEADLINE_HYPHENS = 3
ENDING = ("unsubscribe", "preferences")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
# Soft hyphens, joiners and the like: readers see the word as if they were not there.
_SILENT = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_EDGES = re.compile(r"^[^\w$]+|[^\w)%]+$")
_DATED = re.compile(r"(?:/\d{4}(?:/\d{1,2}){0,2})?/?")
_NUMBERED = re.compile(r"\d{1,4}")
_PAGE_SUFFIX = re.compile(r"\.(?:html?|php|aspx?|jsp|cfm)\Z")
# On these hosts a path `/@name` or one name is a person or a publication.
_NAMED = re.compile(r"@[^/]+")


class Fate(NamedTuple):
    """What happens to a link, and why when it is not simply fetched."""

    decision: LinkDecision
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """Path segments that give a page away."""

    anywhere: frozenset[str] = frozenset()
    first: frozenset[str] = frozenset()
    last: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Policy:
    """The file, ready to be asked."""

    phrases: dict[str, str]
    beginnings: dict[str, str]
    paths: dict[str, Words]
    machinery: tuple[tuple[str, re.Pattern[str]], ...]
    index: Words
    sections: frozenset[str]
    hosts: dict[str, str]
    exempt: tuple[str, ...]
    files: dict[str, str]


def decide(
    url: str,
    rule: HostRule,
    *,
    anchor: str = "",
    tracker: bool = False,
    hidden: bool = False,
    pixel: bool = False,
    hold_unknown: bool = False,
) -> Fate:
    """The fate of the link to `url`, an address after unwrapping, shown to readers as `anchor`.

    `rule` is the host policy for it; `tracker`: only its server knows where it leads, so that its path tells
    no more than the mailer's own machinery. An allowed host is exempt from the list of hosts, not from the rest.
    """
    strange = not_an_address(url)
    if strange is not None:
        return Fate(LinkDecision.DROP, strange)
    parts = take_apart(url)
    reasons = (
        # The text first: behind a tracker it is all there is, and it says more than any address.
        said_by_anchor(anchor),
        _host_denied(rule),
        _machinery_reason(parts),
        None if tracker else _address_reason(parts, rule),
        "pixel: nothing to be seen but an image of one pixel" if pixel else None,
        "hidden: readers cannot see it" if hidden else None,
    )
    found = next((reason for reason in reasons if reason), None)
    if found is not None:
        return Fate(LinkDecision.DROP, found)
    if tracker:
        return Fate(LinkDecision.FOLLOW)
    if hold_unknown and rule.policy is HostPolicy.UNKNOWN:
        # As the held article will have it: www alone would leave the other hosts of the site out.
        site = registrable_domain(rule.host)
        return Fate(LinkDecision.HOLD, f"unknown-host: {site} waits for `mingus hosts allow {site}`")
    return Fate(LinkDecision.FETCH)


def not_an_address(url: str) -> str | None:
    """Why `url` is no web address; None when it is one."""
    text = url.strip()
    if not text or text.startswith("#"):
        return "in-page: a place in the mail itself"
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() == "mailto":
        return "mailto: an address to write to"
    try:
        take_apart(text)
    except UsageError:
        if scheme and scheme[1].lower() not in ("http", "https") and "." not in scheme[1]:
            return f"not-web: {scheme[1].lower()[:20]}"
        return "bad-address: it cannot be read as a web address"
    return None


def said_by_anchor(anchor: str) -> str | None:
    """What the link's own text gives away."""
    plain = _SILENT.sub("", normalize("NFKC", anchor)).casefold().replace("\u2019", "'")
    words = _EDGES.sub("", plain).split()
    if not words or len(words) > MAX_PHRASE_WORDS:
        return None
    policy = _policy()
    text = " ".join(words)
    # Whole texts and beginnings alone: headlines hold such words, and a lost article is seen by nobody.
    code = policy.phrases.get(text)
    if code is None:
        # Never the whole text: a beginning has something behind it.
        starts = (" ".join(words[:count]) for count in range(1, len(words)))
        code = next((policy.beginnings[start] for start in starts if start in policy.beginnings), None)
    return f"{code}: its text says so" if code else None


def _host_denied(rule: HostRule) -> str | None:
    if rule.policy is not HostPolicy.DENY:
        return None
    return f"denied-host: {rule.host} is denied; `mingus hosts allow {rule.host}` changes that"


def _address_reason(parts: Parts, rule: HostRule) -> str | None:
    """What the address gives away; a host that is no place for articles says more than a path of services."""
    path, host = _path_reason(parts), _host_reason(parts, rule)
    if path is not None and host is not None and path.startswith("service:"):
        return host
    return path or _file_reason(parts) or host or _home_reason(parts) or _index_reason(parts)


def _machinery_reason(parts: Parts) -> str | None:
    """What a mailer's own address gives away, also on the servers of its trackers: asking for it could act."""
    policy = _policy()
    # Some mailers have it in their name: unsubscribe.example.com.
    names = {parts.host.partition(".")[0], *_segments(parts)}
    # Plugins of blogs: /?na=unsubscribe&nk=1.
    asked = re.split("[&=]", parts.query.lower())
    words = (code for code in ENDING if not policy.paths[code].anywhere.isdisjoint(names))
    query = (code for code in ENDING[:1] if not policy.paths[code].anywhere.isdisjoint(asked))
    known = (code for code, pattern in policy.machinery if pattern.match(parts.path))
    code = next(chain(words, query, known), None)
    return f"{code}: its address says so" if code else None


def _path_reason(parts: Parts) -> str | None:
    segments = _segments(parts)
    if not segments:
        return None
    for code, words in _policy().paths.items():
        if _gives_away(words, segments):
            return f"{code}: its address says so"
    return None


def _gives_away(words: Words, segments: list[str]) -> bool:
    # /careers/how-to-ask-for-a-raise is an article that stands under a service.
    if segments[0] in words.first and not _is_headline(segments[-1]):
        return True
    return segments[-1] in words.last or not words.anywhere.isdisjoint(segments)


def _file_reason(parts: Parts) -> str | None:
    name, dot, suffix = parts.path.rpartition(".")
    kind = _policy().files.get(suffix.lower()) if dot and "/" not in suffix and name else None
    return f"file: {kind}, .{suffix.lower()}" if kind else None


def _host_reason(parts: Parts, rule: HostRule) -> str | None:
    if rule.policy is HostPolicy.ALLOW:
        return None
    policy = _policy()
    if f"{parts.host}{parts.path}".removeprefix("www.").startswith(policy.exempt):
        return None
    found = next((domain for domain in domains_of(parts.host) if domain in policy.hosts), None)
    return f"{policy.hosts[found]}: {found}" if found else None


def _home_reason(parts: Parts) -> str | None:
    # Old systems know their articles by a number in the query (?p=12).
    asked = any(pair.partition("=")[2] for pair in parts.query.split("&"))
    home = not _segments(parts) or _segments(parts) == ["index"]
    return "home-page: the site's front page" if home and not asked else None


def _index_reason(parts: Parts) -> str | None:
    segments = _segments(parts)
    policy = _policy()
    last = segments[-1] if segments else ""
    # With a query /index.php is any page, as / is; without one it is the front page, and told before this.
    if not segments or segments == ["index"] or _is_headline(last):
        return None
    lists = (
        last in policy.index.last,
        segments[0] in policy.index.first and len(segments) <= 2,
        len(segments) > 2 and segments[-2] == "page" and _NUMBERED.fullmatch(last) is not None,
        len(segments) > 1 and segments[-2] in policy.index.first and segments[0] in policy.sections,
        # A page with a suffix is a page: /wealth.html is no section.
        all(segment in policy.sections for segment in parts.path.lower().strip("/").split("/")),
        _NAMED.fullmatch("/".join(segments)) is not None,
        _DATED.fullmatch(parts.path) is not None,
    )
    return "index-page: a list of articles" if any(lists) else None


def _is_headline(segment: str) -> bool:
    return segment.count("-") >= HEADLINE_HYPHENS


def _segments(parts: Parts) -> list[str]:
    found = [each for each in parts.path.lower().split("/") if each]
    return [*found[:-1], _PAGE_SUFFIX.sub("", found[-1])] if found else []


@cache
def _policy() -> Policy:
    data = datafiles.table("linkpolicy.toml")
    said = [(phrase, code) for code, phrases in data["anchors"].items() for phrase in phrases]
    paths = {code: _words(table) for code, table in data["paths"].items()}
    lists = {code: hosts for code, hosts in data["hosts"].items() if code != "social_articles"}
    return Policy(
        phrases={phrase: code for phrase, code in said if not phrase.endswith(" *")},
        beginnings={phrase.removesuffix(" *"): code for phrase, code in said if phrase.endswith(" *")},
        index=paths.pop("index"),
        paths=paths,
        machinery=tuple((code, re.compile(each)) for code, all_ in data["mailers"].items() for each in all_),
        sections=frozenset(data["paths"]["index"]["sections"]),
        hosts={host: code for code, hosts in lists.items() for host in hosts},
        exempt=tuple(data["hosts"]["social_articles"]),
        files={suffix: kind for kind, suffixes in data["files"].items() for suffix in suffixes},
    )


def _words(table: dict[str, list[str]]) -> Words:
    return Words(*(frozenset(table.get(place, ())) for place in ("anywhere", "first", "last")))
