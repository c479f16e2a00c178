"""Made-up English articles as web pages: all different, the same every time, light or heavy.

A heavy page has what a measured set of news pages of 100 to 150 KB has at the median: about 780 elements,
130 links, 40 paragraphs, a fifth of its bytes in scripts and styles, the rest mostly attributes.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache


def _words(text: str) -> list[str]:
    return text.split()


SENTENCES = """
The {a} {n} rarely {v}s a {n2} before the {a2} {n3} is in place
Most people who {v} a {n} discover that the {n2} was {a} from the start
When a {n} {v}s the {n2}, every {a} {n3} in the household feels it
It takes about {k} months to {v} a {n} without touching the {a} {n2}
Ask for the {n} in writing, because a {a} {n2} will {v} whatever is left unsaid
Her {n} had grown by {k} percent, yet the {a} {n2} still had to {v} the {n3}
Nobody told us that the {n} could {v} so {a} a {n2} in {k} weeks
If the {n} looks {a}, compare it with the {n2} you meant to {v} last {s}
A {n} is not a {n2}: the first can {v} you, the second is only {a}
Between the {n} and the {n2} there were {k} {a} decisions, and each began to {v} the next
In the {s} he chose to {v} the {n}, keep the {a} {n2} and sell one {n3}
They write down each {n} on Sunday, then {v} the {n2} while the {n3} is still {a}
My advice is to {v} one {n} a month and leave the {a} {n2} to the {n3}
What looked like a {a} {n} was a {n2} that nobody wanted to {v}
By the end of the {s}, {k} of the {n2} plans had to {v} a {a} {n}
You can {v} the {n} yourself, provided that the {n2} stays {a} for {k} days
The {n} taught me more about a {a} {n2} than any {n3} I tried to {v}
Since a {a} {n} costs less than a {n2}, we {v} it first and the {n3} later
""".strip().splitlines()
NOUNS = _words("""
budget mortgage salary landlord mentor promotion pension portfolio invoice neighbour ledger kitchen
contract deposit apprentice tuition garden promise interview cousin insurance bicycle manager dividend
recipe committee signature bakery voucher lawyer calendar colleague warehouse raise scholarship roof
union teacher spreadsheet market barber lender newsletter harvest engine church receipt customer loan
classroom theatre bonus emergency permit workshop network credit house savings tax habit meeting branch
ambition debt letter contractor notebook appraisal estate business partner clinic journey refund library
""")
VERBS = _words("""
build question borrow mend measure delay refuse share cover repay protect negotiate settle invest explain
replace double record balance follow return support challenge rent improve defend plan trust compare
transfer reward visit finish open price cancel collect design answer raise
""")
ADJECTIVES = _words("""
quiet stubborn generous modest careful costly hidden early practical distant nervous honest patient formal
fragile sensible crowded ambitious steady foreign temporary bright awkward narrow ordinary reliable famous
local private stable simple fresh rough heavy gentle curious bold uncertain lasting familiar
""")
SEASONS = _words("spring summer autumn winter quarter year")
SECTIONS = _words("money work home family health travel books science culture opinion local sport")


@dataclass(frozen=True, slots=True)
class Size:
    """How a page is furnished."""

    paragraphs: int
    sections: int
    links: int
    cards: int
    comments: int
    script_bytes: int
    attributes: int
    boxes: int


LIGHT = Size(
    paragraphs=12, sections=3, links=40, cards=4, comments=0, script_bytes=1_500, attributes=0, boxes=1
)
HEAVY = Size(
    paragraphs=18, sections=4, links=80, cards=60, comments=25, script_bytes=27_000, attributes=58, boxes=3
)
SIZES = {"light": LIGHT, "heavy": HEAVY}


@cache
def page(size: str, number: int) -> bytes:
    """Page `number` of a size, as UTF-8."""
    return _Page(SIZES[size], random.Random(f"{size}-{number}"), number).html().encode()


class _Page:
    def __init__(self, size: Size, chance: random.Random, number: int) -> None:
        self.size = size
        self.chance = chance
        self.title = f"{self.sentence(8)}, part {number}"

    def html(self) -> str:
        return (
            f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{self.title} | The Gazette'
            f"</title>{self.head()}</head><body>{self.wrapped(self.menu() + self.main())}"
            f"<footer>{self.menu()}</footer></body></html>"
        )

    def main(self) -> str:
        return f"<main>{self.wrapped(self.article() + self.comments())}</main><aside>{self.cards()}</aside>"

    def wrapped(self, inner: str) -> str:
        """Inside as many boxes as the page's size has."""
        for _ in range(self.size.boxes):
            inner = f"<div{self.attribute()}>{inner}</div>"
        return inner

    def sentence(self, words: int | None = None) -> str:
        pick = self.chance.choice
        filled = pick(SENTENCES).format(
            n=pick(NOUNS),
            n2=pick(NOUNS),
            n3=pick(NOUNS),
            v=pick(VERBS),
            a=pick(ADJECTIVES),
            a2=pick(ADJECTIVES),
            k=self.chance.randint(2, 90),
            s=pick(SEASONS),
        )
        return " ".join(filled.split()[:words]).rstrip(",:")

    def paragraph(self) -> str:
        """Sentences; on a heavy page every other one carries a link or an emphasis."""
        told = [self.sentence() + "." for _ in range(self.chance.randint(3, 6))]
        if self.size.attributes:
            told[1] = f"<em{self.attribute()}>{told[1]}</em>"
            told[2] += f" {self.link()}"
        return " ".join(told)

    def attribute(self) -> str:
        """What page builders hang on every element."""
        if not self.size.attributes:
            return ""
        names = " ".join(self.chance.choices(NOUNS, k=3))
        return f' class="{names}" data-id="{self.noise(self.size.attributes)}"'

    def noise(self, length: int) -> str:
        return f"{self.chance.getrandbits(4 * length):0{length}x}"

    def head(self) -> str:
        """Metadata, a script and a style."""
        day = f"2025-{self.chance.randint(1, 12):02}-{self.chance.randint(1, 28):02}"
        facts = {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "headline": self.title,
            "datePublished": f"{day}T08:00:00Z",
            "author": {"@type": "Person", "name": "Ada Example"},
        }
        half = self.size.script_bytes // 2
        return (
            f'<meta property="og:title" content="{self.title}"><meta name="author" content="Ada Example">'
            f'<meta name="description" content="{self.sentence()}."><script type="application/ld+json">'
            f'{json.dumps(facts)}</script><script>window.state="{self.noise(half)}"</script>'
            f"<style>.x{{background:url(data:image/png;base64,{self.noise(half)})}}</style>"
        )

    def link(self) -> str:
        section = self.chance.choice(SECTIONS)
        target = f"/{section}/{self.chance.randrange(10**6)}"
        return f'<a href="{target}"{self.attribute()}>{section} {self.chance.choice(NOUNS)}</a>'

    def menu(self) -> str:
        items = (f"<li{self.attribute()}>{self.link()}</li>" for _ in range(self.size.links // 2))
        return f"<nav{self.attribute()}><ul>{''.join(items)}</ul></nav>"

    def article(self) -> str:
        parts = [f"<h1>{self.title}</h1><p>By Ada Example</p>"]
        for number in range(self.size.paragraphs):
            if number and number % (self.size.paragraphs // self.size.sections) == 0:
                parts.append(f"<h2{self.attribute()}>{self.sentence(6)}</h2>")
            parts.append(f"<p{self.attribute()}>{self.paragraph()}</p>")
        return f"<article{self.attribute()}><div{self.attribute()}>{''.join(parts)}</div></article>"

    def comments(self) -> str:
        entries = (
            f'<li{self.attribute()}><b>{self.chance.choice(NOUNS)}</b><div class="comment">'
            f"<p>{self.sentence()}.</p></div></li>"
            for _ in range(self.size.comments)
        )
        return f'<section id="comments"><ol>{"".join(entries)}</ol></section>' if self.size.comments else ""

    def cards(self) -> str:
        """Teasers of other articles."""
        return "".join(
            f"<div{self.attribute()}><div{self.attribute()}><span{self.attribute()}>{self.link()}</span>"
            f'<img src="/i/{self.noise(16)}.jpg" alt=""{self.attribute()}><h3{self.attribute()}>{self.link()}'
            f"</h3><div{self.attribute()}>{self.sentence(9)}</div></div></div>"
            for _ in range(self.size.cards)
        )
