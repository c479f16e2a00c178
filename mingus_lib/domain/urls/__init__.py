"""Addresses: one spelling for each, the host they lead to, and which declared address to believe."""

from mingus_lib.domain.urls.canonical import MAX_CHARACTERS, canonical
from mingus_lib.domain.urls.declared import accept_declared
from mingus_lib.domain.urls.hosts import host_of, registrable_domain

__all__ = ["MAX_CHARACTERS", "accept_declared", "canonical", "host_of", "registrable_domain"]
