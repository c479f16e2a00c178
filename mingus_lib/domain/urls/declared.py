"""The address a page claims for itself, and whether to believe it."""

from __future__ import annotations

from urllib.parse import urlsplit

from mingus_lib.domain.urls.canonical import canonical
from mingus_lib.domain.urls.hosts import host_of, registrable_domain
from mingus_lib.errors import UsageError


def accept_declared(url: str, declared: str | None) -> str | None:
    """The canonical form of the address that the page at `url` declares, or None.

    Believed only on the same registrable domain and port, so that a hostile page cannot claim
    another's address, and never a bare home page that the page is not.
    """
    if not declared:
        return None
    try:
        own, claimed = canonical(url), canonical(declared)
    except UsageError:
        return None
    same_site = registrable_domain(host_of(own)) == registrable_domain(host_of(claimed))
    home_page = _is_home(claimed) and not _is_home(own)
    return claimed if same_site and not home_page and urlsplit(own).port == urlsplit(claimed).port else None


def _is_home(address: str) -> bool:
    parts = urlsplit(address)
    return parts.path == "/" and not parts.query
