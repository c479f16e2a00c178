"""How fast mails are read, in how much memory, and how well articles are told, by kind of sender.

    python benchmarks/mail.py [--mails 300] [--megabytes 1000] [--json]

Speed: newsletters of 100 KB made from the corpus (tests/mails), parsed and judged on one core, the standard library
parsing the same mails and lxml their HTML beside it. Memory: a made-up mbox of that size through the reader of mboxes.
Precision and recall: "is an article link" on the corpus, as people labelled it; micro-averaged.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from claims import Claim, publish
from lxml.html import document_fromstring

from mingus_lib.clients.mailbox_mbox import mbox_mails
from mingus_lib.domain import mailparse
from mingus_lib.domain.library import HostRule
from mingus_lib.domain.maillinks import judge_mail
from tests.mail_corpus import samples

SIZE = 100_000
SEPARATOR = b"From a@b.example Sat Jan  3 10:00:00 2026\n"
BLOCK = 1 << 20


def newsletter(number: int) -> bytes:
    """An HTML newsletter of 100 KB with 60 links, half of them wrapped, none like another mail's."""
    story = f"https://h{number % 50}.example/a-story-number-{number}"
    wrapped = "https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2Fw.example%2Fa-story-number-"
    cell = "<tr><td style='padding:8px 24px;font-family:Georgia,serif'>"
    words = f"<p>{'plain words ' * 110}</p></td></tr>"
    rows = "".join(
        f'{cell}<a href="{story}-{link}?utm_source=x">Headline {link}</a>'
        f'<a href="{wrapped}{number}-{link}&amp;data=05"><img alt="cover" src="c.png"></a>{words}'
        for link in range(30)
    )
    head = f"From: n@a.example\nMessage-ID: <{number}@x>\nSubject: {number}\nContent-Type: text/html; charset=utf-8\n\n"
    body = f"{head}<html><body><table>{rows}</table></body></html>"
    return (body + "<!-- " + "x" * max(0, SIZE - len(body)) + " -->").encode()


def per_second(work: Any, mails: list[bytes]) -> float:
    """Mails a second of CPU time."""
    begun = time.process_time()
    for each in mails:
        work(each)
    return len(mails) / (time.process_time() - begun)


def ours(raw: bytes) -> None:
    """Everything the job does with a mail but storing it."""
    judge_mail(mailparse.parse(raw), HostRule, hold_unknown=False)


def peers(raw: bytes) -> None:
    """The standard library's parse and an lxml tree with its links: no unwrapping, no decision."""
    message = message_from_bytes(raw, policy=policy.default)
    for _, _, _, _ in document_fromstring(message.get_content()).iterlinks():
        pass


def mbox(size: int) -> Iterator[bytes]:
    """Blocks of a made-up mbox."""
    mail = SEPARATOR + newsletter(0) + b"\n"
    block = mail * max(1, BLOCK // len(mail))
    for _ in range(size // len(block)):
        yield block


def read_mbox(size: int) -> tuple[int, float, float]:
    """Mails in it, megabytes a second, and by how many MB the peak of memory grew."""
    blocks = mbox(size)
    left = bytearray()

    def read(wanted: int) -> bytes:
        while len(left) < wanted and (block := next(blocks, b"")):
            left.extend(block)
        taken = bytes(left[:wanted])
        del left[:wanted]
        return taken

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    count = sum(1 for _ in mbox_mails(read, "mbox", 25_000_000))
    taken = time.process_time() - begun
    return count, size / 1e6 / taken, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000


def by_kind() -> dict[str, tuple[int, int, int]]:
    """(right, wrongly taken, missed) by kind of sender."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for sample in samples():
        said, taken = sample.articles()
        for place, links in enumerate((said & taken, taken - said, said - taken)):
            found[sample.golden["kind"]][place] += len(links)
    return {kind: (right, wrong, missed) for kind, (right, wrong, missed) in sorted(found.items())}


def ratio(part: int, rest: int) -> float:
    """part / (part + rest); 1 where there is nothing."""
    return part / (part + rest) if part + rest else 1.0


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mails", type=int, default=300)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    mails = [newsletter(number) for number in range(given.mails)]
    ours(mails[0])
    peers(mails[0])
    speed, peer = per_second(ours, mails), per_second(peers, mails)
    count, throughput, grown = read_mbox(given.megabytes * 1_000_000)
    kinds = by_kind()
    right, wrong, missed = (sum(column) for column in zip(*kinds.values(), strict=True))
    figures: dict[str, Any] = {
        "mails of 100 KB a second of one core": {
            "read and judged": speed,
            "parsed only, by stdlib and lxml": peer,
        },
        f"an mbox of {given.megabytes:,} MB": {
            "mails": count,
            "MB a second": throughput,
            "memory grew, MB": grown,
        },
        "is an article link, by kind of sender (precision, recall, links)": {
            kind: f"{ratio(r, w):.3f}  {ratio(r, m):.3f}  {r + m}" for kind, (r, w, m) in kinds.items()
        },
    }
    claims = [
        Claim("mails of 100 KB a second of one core", speed, ">=", 50),
        Claim("memory grown over the mbox", grown, "<=", 50, " MB"),
        Claim("precision of article links", ratio(right, wrong), ">=", 0.95),
        Claim("recall of article links", ratio(right, missed), ">=", 0.95),
    ]
    publish(claims, figures, as_json=given.json)


if __name__ == "__main__":
    main()
