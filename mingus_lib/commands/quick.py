"""Commands that scripts call in a loop, without the command line's library: it takes a third of their time."""

from __future__ import annotations

import sys


def status_as_json() -> int:
    """`mingus status --json` with nothing else on the command line; the exit code."""
    from mingus_lib import settings
    from mingus_lib.errors import MingusError
    from mingus_lib.runtime import Runtime
    from mingus_lib.services.overview import overview
    from mingus_lib.view import output
    from mingus_lib.view.status import show_status

    try:
        here = Runtime(settings.load())
        seen, trouble = overview(here.settings, here.redis_url)
        show_status(seen, output.Format.JSON)
    except MingusError as error:
        trouble = error
    except BrokenPipeError:
        sys.stdout = None
        return 141
    if trouble is not None:
        output.message(f"mingus: {trouble}")
        return trouble.exit_code
    return 0
