"""The part of `make lint` that asks about known weaknesses of what mingus depends on: pip-audit over requirements.lock.

It needs the network, once a day and lock file. What could not be asked is said by name and is no failure;
a known weakness is.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
PATIENCE_SECONDS = 60
DAY = 86_400
NAMED = 5


def main() -> int:
    """1 when a weakness is known."""
    stamp = ROOT / "build" / f"audited-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    if stamp.exists() and time.time() - stamp.stat().st_mtime < DAY:
        print(stamp.read_text("utf-8"))
        return 0
    code, told = judged(asked())
    print(told)
    if code == 0 and "NOT" not in told:
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(f"{told} (asked earlier today)", "utf-8")
    return code


def asked() -> str:
    """What pip-audit prints, or why there is nothing."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "-r", str(LOCK), "-f", "json"]
    options = ["--progress-spinner", "off", "--timeout", "5"]
    try:
        done = subprocess.run(
            [*command, *options], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {PATIENCE_SECONDS} s"
    return done.stdout or done.stderr


def judged(printed: str) -> tuple[int, str]:
    """The exit code, and what to say; what was not looked at is never passed over in silence."""
    try:
        found: list[dict[str, Any]] = json.loads(printed)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (printed.strip().splitlines() or ["it printed nothing"])[-1]
        return 0, f"pip-audit: NOT CHECKED, no package: {last[:200]}"
    weak = [
        f"{each['name']} {each['version']}: {', '.join(vuln['id'] for vuln in each['vulns'])}"
        for each in found
        if each.get("vulns")
    ]
    skipped = [each["name"] for each in found if "skip_reason" in each]
    told = f"pip-audit: {len(found) - len(skipped)} packages looked up"
    if skipped:
        named = ", ".join(skipped[:NAMED]) + (
            f" and {len(skipped) - NAMED} more" if len(skipped) > NAMED else ""
        )
        told += f"; NOT CHECKED, unknown to the service that answers here: {named}"
    if weak:
        return 1, "\n  ".join([f"{told}; known weaknesses:", *weak])
    return 0, f"{told}, no known weakness" if len(skipped) < len(found) else told


if __name__ == "__main__":
    sys.exit(main())
