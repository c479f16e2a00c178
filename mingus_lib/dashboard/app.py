"""The Flask app, put together: pages, guard, words, errors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from mingus_lib import __version__
from mingus_lib.dashboard import guard, jobs, machine, pages, reach, review, rq_pages, words
from mingus_lib.errors import MingusError, NotFound, TransientError, UsageError

if TYPE_CHECKING:
    from mingus_lib.dashboard.access import Access
    from mingus_lib.runtime import Runtime

log = logging.getLogger("mingus.dashboard")

# All but the guard's, which install() adds, and rq-dashboard's, which is made anew for each app.
BLUEPRINTS = (pages.blueprint, jobs.blueprint, review.blueprint, machine.blueprint)
# Endpoint, word, and the pages that belong to it; in this order at the top of every page.
NAVIGATION: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("pages.overview", "Overview", ()),
    ("jobs.listing", "Jobs", ("jobs.story", "jobs.act")),
    ("pages.tasks", "Tasks", ("pages.task",)),
    ("pages.workers", "Workers", ()),
    ("pages.articles", "Articles", ("pages.article",)),
    ("review.waiting", "Review", ()),
    ("rq_dashboard.queues_overview", "RQ", ()),
)


def create(open_runtime: Callable[[], Runtime], access: Access) -> Flask:
    """The app; every thread that serves it opens a Runtime of its own."""
    app = Flask(__name__)
    # A redirect to the address with another slash would name http, also to those who come by https.
    app.url_map.strict_slashes = app.url_map.merge_slashes = False
    app.extensions[reach.DESK] = reach.Desk(open_runtime)
    # No more than an hour: rq-dashboard's files have no version in their addresses, as ours have.
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 3600
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    words.install(app)
    guard.install(app, access)
    for blueprint in (*BLUEPRINTS, rq_pages.make_blueprint()):
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, guard.show_refusal)
    app.register_error_handler(MingusError, _show_error)
    app.register_error_handler(Exception, _show_bug)
    app.context_processor(lambda: {"navigation": NAVIGATION, "version": __version__})
    return app


def _show_error(error: MingusError) -> tuple[Response, int]:
    """An error on purpose: its line, under the nearest status of HTTP."""
    statuses = ((NotFound, 404), (UsageError, 400), (TransientError, 503))
    status = next((code for kind, code in statuses if isinstance(error, kind)), 500)
    return guard.complain("That did not work", str(error)), status


def _show_bug(error: Exception) -> tuple[Response, int]:
    # For the log alone: the text of an exception may hold a stranger's words, or a secret.
    log.error("a page failed", exc_info=error)
    words = "This is a fault of mingus. The log of `mingus dashboard` has the details."
    return guard.complain("Something broke", words), 500
