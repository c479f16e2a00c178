"""HTTPS with certificates made for the test, and fetching through a proxy."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mingus_lib.clients.web import Web
from mingus_lib.errors import MingusError, PermanentError, TransientError
from tests.sites import Names, Reply, Request, Site, Sites, loopback_web, redirect

NAME = "secure.example"


def _openssl(*arguments: str, folder: Path) -> None:
    try:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl program to make certificates with")


def make_certificates(folder: Path, name: str) -> Path:
    """The folder, with ca.pem and, signed by it, good.pem for that host and their keys."""
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30")
    _openssl(
        *("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority"),
        # Python 3.13 takes no authority without it.
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        folder=folder,
    )
    _openssl(
        *("req", "-x509", *new_key, "-keyout", "good.key", "-out", "good.pem", "-subj", f"/CN={name}"),
        *("-CA", "ca.pem", "-CAkey", "ca.key", "-addext", f"subjectAltName=DNS:{name}"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        folder=folder,
    )
    return folder


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of secure.example."""
    return make_certificates(tmp_path_factory.mktemp("tls"), NAME)


@pytest.fixture
def served(certificates: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "good.pem", certificates / "good.key")
    return context


@pytest.fixture
def trusting(certificates: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificates / "ca.pem"))


@pytest.fixture
def sites() -> Iterator[Sites]:
    with Sites() as running:
        yield running


def refusal(web: Web, url: str) -> MingusError:
    with pytest.raises(MingusError) as caught:
        web.fetch(url)
    assert "\n" not in str(caught.value)
    return caught.value


def names(site: Site) -> Names:
    return Names(secure_example=[site.host], other_example=[site.host])


def test_a_page_over_tls(sites: Sites, served: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    asked: list[str | None] = []
    served.sni_callback = lambda sock, name, context: asked.append(name)
    site = sites.add(tls=served)
    url = site.on("/", Reply(b"<p>secure")).replace(site.host, NAME)
    with loopback_web(tls=trusting, resolve=names(site)) as web:
        for _ in range(3):
            assert web.fetch(url).body == b"<p>secure"
    assert asked == [NAME]
    assert site.connections == 1
    assert site.seen[-1].headers["host"] == f"{NAME}:{site.port}"


def test_an_unknown_authority_is_refused_for_good(sites: Sites, served: ssl.SSLContext) -> None:
    site = sites.add(tls=served)
    with loopback_web(resolve=names(site)) as web:
        error = refusal(web, site.url("/", NAME))
    assert (type(error), error.code) == (PermanentError, "tls")
    assert "certificate" in str(error)
    assert site.seen == []


def test_another_sites_certificate_is_refused(
    sites: Sites, served: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    site = sites.add(tls=served)
    with loopback_web(tls=trusting, resolve=names(site)) as web:
        assert refusal(web, site.url("/", "other.example")).code == "tls"
    with loopback_web(tls=trusting) as web:
        assert refusal(web, site.url("/")).code == "tls"
    assert site.seen == []


def test_environment_authorities_change_nothing(
    sites: Sites, served: ssl.SSLContext, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "ca.pem"))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(certificates / "ca.pem"))
    site = sites.add(tls=served)
    with loopback_web(resolve=names(site)) as web:
        assert refusal(web, site.url("/", NAME)).code == "tls"


def test_a_server_without_tls(trusting: ssl.SSLContext) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def answer_plainly() -> None:
        connection, _ = listener.accept()
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.recv(10_000)
        connection.close()

    thread = threading.Thread(target=answer_plainly, daemon=True)
    thread.start()
    with loopback_web(tls=trusting) as web:
        error = refusal(web, f"https://127.0.0.1:{listener.getsockname()[1]}/")
    thread.join(10)
    listener.close()
    assert (type(error), error.code) == (PermanentError, "tls")


def test_a_silent_handshake_ends(trusting: ssl.SSLContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, loopback_web(tls=trusting, timeout=0.3) as web:
        error = refusal(web, f"https://127.0.0.1:{listener.getsockname()[1]}/")
    assert (type(error), error.code) == (TransientError, "timeout")


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(b"a" * 10_000, drip=0.05), "timeout"),
        (Reply(b"a" * 10_000, drip_head=0.05), "timeout"),
        (Reply(b"a" * 1000, endless=True), "too-large"),
        (Reply(b"a" * 1000, cut=10), "connection"),
    ],
)
def test_the_bounds_hold_over_tls(
    sites: Sites, served: ssl.SSLContext, trusting: ssl.SSLContext, reply: Reply, code: str
) -> None:
    site = sites.add(tls=served)
    site.on("/", reply)
    with loopback_web(tls=trusting, resolve=names(site), timeout=0.5, max_bytes=100_000) as web:
        assert refusal(web, site.url("/", NAME)).code == code


def test_plain_pages_go_through_the_proxy_of_the_policy(sites: Sites) -> None:
    proxy = sites.add()

    def answer(request: Request) -> Reply:
        return Reply(b"", 404) if request.path.endswith("/robots.txt") else Reply(request.path.encode())

    proxy.default = answer
    with loopback_web(proxy=proxy.url(""), allow_networks=(), resolve=_through(proxy)) as web:
        assert web.fetch("http://far.example/page").body == b"http://far.example/page"
    assert [seen.path for seen in proxy.seen] == ["http://far.example/robots.txt", "http://far.example/page"]


def test_tls_pages_go_through_the_proxys_tunnel(
    sites: Sites, served: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    site, proxy = sites.add(tls=served), sites.add()
    site.on("/", Reply(b"<p>secure"))
    proxy.on(f"{NAME}:443", Reply(tunnel=(site.host, site.port)))
    with loopback_web(proxy=proxy.url(""), allow_networks=(), tls=trusting, resolve=_through(proxy)) as web:
        assert web.fetch(f"https://{NAME}/").body == b"<p>secure"
    assert proxy.connections == 1


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://169.254.169.254/", "blocked-address"),
        ("http://inside.example/", "blocked-address"),
        ("http://far.example:8080/", "blocked-port"),
        ("http://user:pw@far.example/", "blocked-address"),
    ],
)
def test_what_can_be_seen_here_is_refused_before_the_proxy(sites: Sites, url: str, code: str) -> None:
    proxy = sites.add()
    with loopback_web(proxy=proxy.url(""), allow_networks=(), resolve=_through(proxy)) as web:
        assert refusal(web, url).code == code
    assert proxy.connections == 0


def test_a_redirect_is_checked_behind_a_proxy_too(sites: Sites) -> None:
    proxy = sites.add()
    proxy.on("http://far.example/", redirect("http://10.0.0.1/"))
    with loopback_web(proxy=proxy.url(""), allow_networks=(), resolve=_through(proxy)) as web:
        assert refusal(web, "http://far.example/").code == "blocked-address"


def test_the_bounds_hold_behind_a_proxy(sites: Sites) -> None:
    proxy = sites.add()
    proxy.on("http://far.example/", Reply(b"a" * 10_000, drip_head=0.05))
    with loopback_web(proxy=proxy.url(""), allow_networks=(), resolve=_through(proxy), timeout=0.4) as web:
        assert refusal(web, "http://far.example/").code == "timeout"


def _through(proxy: Site) -> Names:
    """Only the proxy and a private name resolve here."""
    known = Names(inside_example=["10.0.0.1"])
    known.add(proxy.host, proxy.host)
    return known
