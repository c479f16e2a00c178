"""newspaper4k beside mingus, in an environment of its own, build/peers-extract, made when it is first needed.

This file is what it runs there: `extraction_peers.py FOLDER`, which prints one JSON object: by page, [text, CPU ms].
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from pathlib import Path

from peers import python_with

PACKAGES = ("newspaper4k", "charset-normalizer")


def ask(folder: Path) -> dict[str, tuple[str, float]]:
    """What newspaper4k reads in the pages of `folder`: text and CPU milliseconds, by the page's name."""
    asked = [python_with("peers-extract", *PACKAGES), "-W", "ignore", __file__, str(folder)]
    said = subprocess.run(asked, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return {name: (text, cost) for name, (text, cost) in json.loads(said.stdout).items()}


def _read(folder: Path) -> dict[str, tuple[str, float]]:
    from charset_normalizer import from_bytes
    from newspaper import Article

    found = {}
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    for name in [*sorted(truth)[:3], *sorted(truth)]:  # three first for nothing: libraries and models load
        body = gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes())
        text = str(from_bytes(body).best() or body.decode("utf-8", "replace"))
        begun = time.process_time()
        try:
            # Unless told not to, it would fetch the pictures of the page from the world outside.
            article = Article(truth[name]["url"] or "https://example.com/", language="en", fetch_images=False)
            article.download(input_html=text)
            article.parse()
            read = article.text
        except Exception:  # a peer that breaks on a page scores zero there
            read = ""
        found[name] = (read, (time.process_time() - begun) * 1000)
    return found


if __name__ == "__main__":
    print(json.dumps(_read(Path(sys.argv[1]))))
