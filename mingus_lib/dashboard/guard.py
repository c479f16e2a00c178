"""What every request passes before a page sees it, and the headers that every answer carries."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.exceptions import Forbidden, HTTPException, TooManyRequests, Unauthorized
from werkzeug.wrappers import Response as AnyResponse

from mingus_lib.dashboard.access import OPEN_FIX, Access, Tries

LOGIN_HOURS = 12
# Reached without a login: what the login page itself needs.
OPEN = frozenset({"guard.login", "guard.login_post", "guard.logout", "static"})
# A stranger is told whether all is well, and no more: a probe has no place for a secret.
PROBES = frozenset({"machine.health", "machine.old_health"})
# Callers that are programs get a challenge instead of a form.
MACHINES = "machine"
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")
POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer, which would make a browser send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

blueprint = Blueprint("guard", __name__)


def install(app: Flask, access: Access) -> None:
    """Guard every request of the app."""
    app.config.update(
        SECRET_KEY=access.key,
        SESSION_COOKIE_NAME="mingus_dashboard",
        SESSION_COOKIE_PATH=access.prefix or "/",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=access.https,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=LOGIN_HOURS),
        # Else a page that looks again by itself would make a login last for ever.
        SESSION_REFRESH_EACH_REQUEST=False,
        # Far above the largest form that is ours, the question about 500 jobs with the id of each.
        MAX_CONTENT_LENGTH=1_000_000,
        MAX_FORM_MEMORY_SIZE=1_000_000,
        MAX_FORM_PARTS=2_000,
    )
    app.extensions["mingus.access"], app.extensions["mingus.tries"] = access, Tries()
    app.before_request(check)
    app.after_request(add_headers)
    app.register_blueprint(blueprint)
    app.context_processor(lambda: {"form_token": form_token, "login_needed": access.token is not None})


def access() -> Access:
    """The app's."""
    found: Access = current_app.extensions["mingus.access"]
    return found


def form_token() -> str:
    """What a form of this session carries."""
    return access().form_token(session.get("id", ""))


def check() -> AnyResponse | None:
    """Refuse what names us wrongly, comes from another site's form, or has not logged in."""
    # For every path, files too: under a name that was rebound to us, another site could read the answer.
    if not access().knows_host(request.host):
        raise Forbidden(
            f"This server is not called {request.host[:100]!r}. Set MINGUS_DASHBOARD_PUBLIC_URL if it should be."
        )
    # What comes through a proxy comes from loopback, which without a token is let in.
    if access().token is None and any(name in request.headers for name in FORWARDED):
        raise Forbidden(f"A reverse proxy stands before this server, so a token is needed: {OPEN_FIX}.")
    # Without this a page elsewhere could act through the browser of somebody who is logged in.
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        _check_form()
    g.stranger = access().token is not None and not _is_logged_in()
    if not g.stranger or request.endpoint in OPEN or request.endpoint in PROBES:
        return None
    # A program with a wrong secret would take the login page, reached by the redirect, for its answer.
    if request.blueprint == MACHINES or request.authorization is not None:
        raise Unauthorized(
            "A token is needed: send it as a bearer token, or as the password of HTTP basic.",
            www_authenticate=_challenge(),
        )
    # Werkzeug ends full_path with a question mark also where no query follows.
    return redirect(url_for("guard.login", next=request.full_path.rstrip("?")), 303)


def _check_form() -> None:
    # Some browsers leave Origin out where a form stays on its own site.
    origin = request.headers.get("Origin") or _origin_of(request.headers.get("Referer", ""))
    if not access().knows_origin(origin, request.host):
        raise Forbidden(
            "This form came from another site, or this is not where MINGUS_DASHBOARD_PUBLIC_URL says you would be."
        )
    # rq-dashboard's scripts send it as a header.
    given = request.form.get("form_token") or request.headers.get("X-CSRFToken", "")
    # Encoded, since compare_digest raises for text beyond ASCII, which anybody may send.
    if not secrets.compare_digest(given.encode(), form_token().encode()):
        raise Forbidden("This page is out of date: load it again, then repeat what you did.")


def _origin_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _is_logged_in() -> bool:
    if session.get("id"):
        return True
    given = request.authorization
    if given is None:
        return False
    return _try(given.token if given.type == "bearer" else given.password)


def _try(secret: str | None) -> bool:
    """Whether it is the token; a caller with too many wrong ones has to wait."""
    tries: Tries = current_app.extensions["mingus.tries"]
    # Not from a header, which a caller could make up anew for each guess.
    caller = request.remote_addr or ""
    # Before the token is looked at: if the right one passed during the wait, guessing would go on unhindered.
    if (wait := tries.wait(caller)) > 0:
        raise TooManyRequests(
            f"Too many wrong tokens. Try again in {wait:.0f} seconds.", retry_after=round(wait + 0.5)
        )
    if access().accepts(secret):
        return True
    tries.note(caller)
    return False


def _challenge() -> Any:
    from werkzeug.datastructures import WWWAuthenticate

    return WWWAuthenticate("basic", {"realm": "mingus"})


@blueprint.get("/login")
def login() -> str | AnyResponse:
    """The form; nothing else is shown to a stranger. No Redis call."""
    if access().token is None:
        return redirect(url_for("pages.overview"), 303)
    return render_template("login.html", next=_local(request.args.get("next", "")))


@blueprint.post("/login", endpoint="login_post")
def log_in() -> AnyResponse | tuple[str, int]:
    """Take the token, and remember for twelve hours that it was right. No Redis call."""
    if not _try(request.form.get("token", "").strip()):
        shown = render_template("login.html", next=_local(request.form.get("next", "")), wrong=True)
        return shown, 401
    session.clear()
    session.permanent = True
    # A new one at each login: forms of the session before it, a stranger's maybe, are not taken.
    session["id"] = secrets.token_hex(16)
    # `next` came from full_path, which is without the prefix that a proxy adds.
    return redirect(request.script_root + _local(request.form.get("next", "")), 303)


@blueprint.post("/logout")
def logout() -> AnyResponse:
    """Forget the login. No Redis call."""
    session.clear()
    return redirect(url_for("guard.login"), 303)


def _local(path: str) -> str:
    """A path of ours to go to after the login; the overview for anything else."""
    # `//host` and `/\host` would send the browser to another site.
    good = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if good else "/"


def add_headers(response: Response) -> Response:
    """The policy, strict unless a page has set its own, and no copy in any cache but of static files."""
    policy = {**POLICY, **g.get("policy", {})}
    response.headers["Content-Security-Policy"] = "; ".join(
        f"{name} {value}" for name, value in policy.items()
    )
    response.headers.update(HEADERS)
    if access().https:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.endpoint not in ("static", "rq_dashboard.static"):
        response.headers["Cache-Control"] = "no-store"
    return response


def show_refusal(error: HTTPException) -> AnyResponse:
    """An error of HTTP, shown with the headers that belong to it."""
    response = error.get_response()
    shown = complain(error.name, error.description or error.name)
    response.set_data(shown.get_data())
    response.content_type = shown.content_type
    return response


def complain(title: str, words: str) -> Response:
    """What went wrong, as a page or, for a program, as a line."""
    if request.blueprint == MACHINES:
        return Response(f"{words}\n", content_type="text/plain; charset=utf-8")
    return Response(render_template("error.html", title=title, words=words))
