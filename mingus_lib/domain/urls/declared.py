"""The address a page declares as its own (rel=canonical, og:url), and when to believe it."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urljoin

from mingus_lib.domain.urls.canonical import canonical_parts
from mingus_lib.domain.urls.hosts import host_of, registrable_domain
from mingus_lib.domain.urls.parts import Parts
from mingus_lib.errors import UsageError

# What templates print where they have no address; believed, all pages of a site would be one.
_EMPTY = frozenset({"undefined", "null", "none", "nan", "false", "%5Bobject%20Object%5D"})
# What nobody filled in: {{url}}, ${url}.
_TEMPLATES = ("%7B%7B", "$%7B")


def accept_declared(url: str, declared: str | None) -> str | None:
    """The canonical form of `declared`, or None when the page at `url` may not speak for it.

    Believed only on the page's own registrable domain and port, so that a hostile page cannot
    claim another site's address; numbers and single labels must be the very same host. A bare
    home page is believed only from a home page: many sites declare it everywhere by mistake. So
    do they the names of empty values, and addresses without their scheme, which read as paths. A
    page that came over https is not moved back to http.
    """
    if not declared:
        return None
    try:
        # Joined, since many pages declare a path alone.
        page, claimed = canonical_parts(url), canonical_parts(urljoin(url, declared.strip()))
    except (UsageError, ValueError):
        return None
    if not _same_site(page, claimed) or (_is_home(claimed) and not _is_home(page)) or _is_slip(page, claimed):
        return None
    # Old templates declare http for ever; it would make a second address of the same page.
    return str(replace(claimed, scheme="https") if page.scheme == "https" else claimed)


def _same_site(page: Parts, claimed: Parts) -> bool:
    hosts = [registrable_domain(host_of(str(parts))) for parts in (page, claimed)]
    return hosts[0] == hosts[1] and page.port == claimed.port


def _is_slip(page: Parts, claimed: Parts) -> bool:
    names = {parts.host.removeprefix("www.") for parts in (page, claimed)}
    slips = {*_EMPTY, *names, *(f"www.{name}" for name in names)}
    new = set(claimed.path.split("/")) - set(page.path.split("/"))
    return any(segment in slips or segment.startswith(_TEMPLATES) for segment in new)


def _is_home(parts: Parts) -> bool:
    return parts.path == "/" and not parts.query
