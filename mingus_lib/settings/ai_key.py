"""Where the key of the AI model's server comes from: the environment, a file, or systemd's credentials.

A key is never a setting that can be shown, and never in a job, a log line or the store.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mingus_lib.errors import UsageError
from mingus_lib.settings import secrets
from mingus_lib.settings.declared import Settings

KEY_VARIABLE = "OPENAI_API_KEY"
URL_VARIABLE = "OPENAI_BASE_URL"
CREDENTIAL = "openai-api-key"
LONGEST_KEY = 1000


def ai_key(settings: Settings, env: Mapping[str, str] | None = None) -> tuple[str, str] | None:
    """The key and where it came from: OPENAI_API_KEY, ai.key_file, then the credential `openai-api-key`.

    None when there is none, or when MINGUS_AI is off. Raises UsageError for a file that cannot be read or holds no key.
    """
    env = os.environ if env is None else env
    if settings.ai == "off":
        return None
    if key := env.get(KEY_VARIABLE, "").strip():
        return _checked(key, KEY_VARIABLE), KEY_VARIABLE
    if settings.ai_key_file is not None:
        return _read(settings.ai_key_file), str(settings.ai_key_file)
    if file := secrets.credential(CREDENTIAL, env):
        return _read(file), f"credential {CREDENTIAL}"
    return None


def ai_base_url(settings: Settings, env: Mapping[str, str] | None = None) -> str | None:
    """The server's address, if not the library's own: the setting, then OPENAI_BASE_URL."""
    env = os.environ if env is None else env
    return settings.ai_base_url or env.get(URL_VARIABLE, "").strip() or None


def _read(path: Path) -> str:
    return _checked(secrets.read(path, "the key file (MINGUS_AI_KEY_FILE)").strip(), str(path))


def _checked(key: str, where: str) -> str:
    # What no header can hold, the HTTP library would tell in its error, and the key with it.
    if not key or len(key) > LONGEST_KEY or not (key.isascii() and key.isprintable()) or " " in key:
        raise UsageError(f"{where} holds no key: a key is one line of printable characters without spaces")
    return key
