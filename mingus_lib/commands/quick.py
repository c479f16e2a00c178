"""Commands that scripts call in a loop, without the command line's library: it takes a third of their time."""

from __future__ import annotations

import sys
from collections.abc import Callable

from mingus_lib.errors import MingusError
from mingus_lib.runtime import Runtime
from mingus_lib.view import encoding


def status_as_json() -> int:
    """`mingus status --json` with nothing else on the command line; the exit code."""
    from mingus_lib.services.overview import overview
    from mingus_lib.view.jsontext import json_text

    def run(here: Runtime) -> MingusError | int:
        seen, trouble = overview(here.settings, here.redis_url)
        print(json_text(seen, indent=2))
        return trouble or 0

    return _guarded(run)


def health(as_json: bool) -> int:
    """`mingus health`, perhaps with `--json`, and with nothing else on the command line; the exit code."""
    from mingus_lib.services import health as looking
    from mingus_lib.view import output
    from mingus_lib.view.checks import show_health

    def run(here: Runtime) -> int:
        found = looking.as_json(
            looking.look(here.settings, here.redis_url, max_age=here.settings.health_max_age)
        )
        show_health(found, output.choose(as_json=as_json))
        return 0 if found["healthy"] else 3

    return _guarded(run)


def _guarded(run: Callable[[Runtime], MingusError | int]) -> int:
    encoding.forgive()
    from mingus_lib import settings

    try:
        ended = run(Runtime(settings.load()))
    except MingusError as error:
        ended = error
    except BrokenPipeError:
        # At its end Python writes out what is left, and would tell of the closed pipe again.
        sys.stdout = None
        return 141
    except OSError as error:
        ended = MingusError(f"the output could not be written: {error.strerror or error}")
        sys.stdout = None
    except KeyboardInterrupt:
        return 130
    if isinstance(ended, MingusError):
        from mingus_lib.view import output

        output.message(f"mingus: {ended}")
        return ended.exit_code
    return ended
