"""Web addresses: one spelling for each page, its host, and which declared addresses to believe. Pure."""

from mingus_lib.domain.urls.canonical import canonical
from mingus_lib.domain.urls.declared import accept_declared
from mingus_lib.domain.urls.hosts import domains_of, host_of, plain_host, registrable_domain
from mingus_lib.domain.urls.parts import Parts, shown, take_apart, without_login

__all__ = [
    "Parts",
    "accept_declared",
    "canonical",
    "domains_of",
    "host_of",
    "plain_host",
    "registrable_domain",
    "shown",
    "take_apart",
    "without_login",
]
