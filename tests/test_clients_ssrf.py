"""Nothing private is reached, whatever names, numbers and redirects are tried."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from mingus_lib.clients.web import Web
from mingus_lib.errors import MingusError, PermanentError
from tests.sites import Names, Reply, Site, Sites, loopback_web, redirect


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    with Sites() as running:
        yield running


@pytest.fixture
def secret(sites: Sites) -> Site:
    """A private service that must not hear from us."""
    site = sites.add()
    site.default = Reply(b"<p>the secret")
    return site


def refusal(web: Web, url: str) -> MingusError:
    with pytest.raises(MingusError) as caught:
        web.fetch(url)
    assert isinstance(caught.value, PermanentError)
    return caught.value


def test_a_loopback_site_is_refused_by_default(secret: Site) -> None:
    with loopback_web(allow_networks=(), ports=(secret.port,)) as web:
        assert refusal(web, secret.url("/")).code == "blocked-address"
    assert secret.connections == 0


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "017700000001", "127.1", "0177.1", "127.0.0.1."]
)
def test_numbers_for_loopback_are_refused(sites: Sites, host: str) -> None:
    secret = sites.add("127.0.0.1")
    with loopback_web(allow_networks=(), ports=(secret.port,)) as web:
        assert refusal(web, secret.url("/", host)).code == "blocked-address"
    assert secret.connections == 0


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "0.0.0.0"],
)
def test_a_name_for_a_private_address_is_refused(secret: Site, address: str) -> None:
    names = Names(inside_example=[address])
    with loopback_web(allow_networks=(), ports=(secret.port,), resolve=names) as web:
        error = refusal(web, secret.url("/", "inside.example"))
    assert error.code == "blocked-address"
    assert "inside.example" in str(error)
    assert secret.connections == 0


def test_a_rebound_name_is_refused_when_it_is_connected_to(sites: Sites) -> None:
    """robots.txt is fetched at the public address, then the name turns private."""
    public, private = sites.add("127.1.0.1"), sites.add("127.9.0.1")
    public.on("/robots.txt", Reply(b"", content_type="text/plain", close=True))
    private.default = Reply(b"<p>the secret")
    names = Names(rebind_example=["127.1.0.1", "127.9.0.1"])
    with loopback_web(allow_networks=("127.1.0.0/16",), ports=(public.port,), resolve=names) as web:
        error = refusal(web, public.url("/", "rebind.example"))
    assert error.code == "blocked-address"
    assert names.lookups == ["rebind.example"] * 2
    assert [seen.path for seen in public.seen] == ["/robots.txt"]
    assert private.connections == 0


def test_the_checked_address_is_the_one_connected_to(sites: Sites) -> None:
    """One lookup serves check and connection: a second answer is never asked for."""
    public = sites.add("127.1.0.2")
    public.on("/", Reply(b"<p>public"))
    names = Names(rebind_example=["127.1.0.2", "127.9.0.9"])
    with loopback_web(allow_networks=("127.1.0.0/16",), resolve=names) as web:
        assert web.fetch(public.url("/", "rebind.example")).body == b"<p>public"
    assert names.lookups == ["rebind.example"]
    assert public.seen[-1].headers["host"] == f"rebind.example:{public.port}"


def test_of_many_addresses_only_permitted_ones_are_tried(sites: Sites) -> None:
    secret = sites.add("127.9.0.3")
    public = sites.add("127.1.0.3", port=secret.port)
    public.on("/", Reply(b"<p>public"))

    def both(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [found for ip in ("127.9.0.3", "127.1.0.3") for found in socket.getaddrinfo(ip, port, type=1)]

    with loopback_web(allow_networks=("127.1.0.0/16",), resolve=both) as web:
        assert web.fetch(public.url("/", "mixed.example")).body == b"<p>public"
    assert secret.connections == 0


def test_a_redirect_into_the_private_network_is_refused(sites: Sites, secret: Site) -> None:
    public = sites.add("127.1.0.4")
    names = Names(inside_example=[secret.host], public_example=["127.1.0.4"])
    with loopback_web(allow_networks=("127.1.0.0/16",), ports=(secret.port,), resolve=names) as web:
        for number, target in enumerate((secret.url("/"), secret.url("/", "inside.example"))):
            url = public.on(f"/{number}", redirect(target)).replace("127.1.0.4", "public.example")
            assert refusal(web, url).code == "blocked-address"
    assert secret.connections == 0


def test_a_redirected_robots_txt_is_under_the_guard_too(sites: Sites, secret: Site) -> None:
    public = sites.add("127.1.0.5")
    public.on("/robots.txt", redirect(secret.url("/robots.txt")))
    public.on("/", Reply())
    with loopback_web(allow_networks=("127.1.0.0/16",), ports=(secret.port,)) as web:
        # It counts as a missing file, and is not looked at.
        assert web.fetch(public.url("/")).status == 200
    assert secret.connections == 0
    assert public.pages_seen == ["/"]


def test_other_ports_of_public_hosts_are_refused() -> None:
    names = Names(public_example=["93.184.216.34"])
    for networks in ((), ("10.0.0.0/8",)):
        with loopback_web(allow_networks=networks, resolve=names) as web:
            for port in (22, 25, 6379, 8080):
                assert refusal(web, f"http://public.example:{port}/").code == "blocked-port"


def test_ipv6_loopback_is_refused_and_can_be_allowed(sites: Sites) -> None:
    try:
        site = sites.add("::1")
    except OSError:
        pytest.skip("no IPv6 on this machine")
    site.on("/", Reply(b"<p>six"))
    with loopback_web(allow_networks=("127.0.0.0/8",), ports=(site.port,)) as web:
        assert refusal(web, site.url("/")).code == "blocked-address"
    assert site.connections == 0
    with loopback_web(allow_networks=("::1/128",)) as web:
        assert web.fetch(site.url("/")).body == b"<p>six"
    assert site.seen[-1].headers["host"] == f"[::1]:{site.port}"


def test_an_ipv4_mapped_answer_is_refused(sites: Sites, secret: Site) -> None:
    def mapped(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (f"::ffff:{secret.host}", port, 0, 0))]

    with loopback_web(allow_networks=(), ports=(secret.port,), resolve=mapped) as web:
        assert refusal(web, secret.url("/", "mapped.example")).code == "blocked-address"
    assert secret.connections == 0
