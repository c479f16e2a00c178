"""Which regular expressions of mingus take more than linear time: each is attacked by what its own tree suggests.

`compiled()` gathers every pattern that mingus compiles, the ones made from rule files included. `slow()` pumps each
repetition of a pattern (and what comes before it) through four sizes, eight times as long each: what takes 24 times
as long and more than some milliseconds of CPU is super-linear. Python's own engine is asked, so that what it
cannot do (or does well: atomic groups, literals ahead) counts as it is. Tools that reason about the tree alone
(regexploit 1.0) miss `a*a*b`.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import pkgutil
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SIZES = (64, 512, 4096, 32_768)
GROWTH, LEAST_SECONDS, MOST_SECONDS = 24.0, 0.03, 1.0
MOST_ATTACKS = 60
METHODS = ("fullmatch", "match", "search")
# What may stand for a character class, the likeliest to be shared by two of them first.
POOL = " aA0-_.,:;/<>&=@#%\"'()[]{}!?+*\n\t\x00é—"


@dataclass(frozen=True)
class Found:
    """A pattern and where it is compiled; `methods` are how that module uses it."""

    pattern: Any
    flags: int
    where: str
    methods: tuple[str, ...] = METHODS


def compiled(exercise: Callable[[], None]) -> list[Found]:
    """Every pattern compiled by mingus while all of it is imported and `exercise` runs."""
    found: dict[tuple[Any, int], Found] = {}
    original = re._compile  # type: ignore[attr-defined]

    def listen(pattern: Any, flags: int) -> Any:
        caller = sys._getframe(1)
        while caller.f_back and "/re/__init__" in caller.f_code.co_filename:
            caller = caller.f_back
        path = Path(caller.f_code.co_filename)
        if path.is_relative_to(ROOT / "mingus_lib") or path.is_relative_to(ROOT / "jobs"):
            where = f"{path.relative_to(ROOT)}:{caller.f_lineno}"
            if not isinstance(pattern, re.Pattern):
                found.setdefault(
                    (pattern, int(flags)), Found(pattern, int(flags), where, _uses(path, caller.f_lineno))
                )
        return original(pattern, flags)

    re.purge()
    re._compile = listen  # type: ignore[attr-defined]
    try:
        _load_everything()
        exercise()
    finally:
        re._compile = original  # type: ignore[attr-defined]
    return list(found.values())


def _uses(path: Path, line: int) -> tuple[str, ...]:
    """How the pattern compiled in that line is used, by the name it is given; as `search` when that is not plain."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and node.lineno <= line <= (node.end_lineno or 0):
            name = ast.unparse(node.targets[0])
            used = set(re.findall(rf"\b{re.escape(name)}\.(\w+)\(", _sources()))
            return tuple(sorted(used)) if used and used <= {"match", "fullmatch"} else ("search",)
    return ("search",)


@functools.cache
def _sources() -> str:
    return "\n".join(path.read_text("utf-8") for path in (ROOT / "mingus_lib").rglob("*.py"))


def _load_everything() -> None:
    import jobs
    import mingus_lib

    for package in (mingus_lib, jobs):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


def slow(found: Found, bound: int | None = None, never: str = "") -> str | None:
    """An attack that takes super-linear time, in words; None when none was found.

    With a `bound`, what is given is at most so long, and may take MOST_SECONDS; characters of `never` are not in it.
    """
    expression = re.compile(found.pattern, found.flags)
    tree = parser.parse(found.pattern, found.flags)
    raw = isinstance(found.pattern, bytes)
    for prefix, pump, suffix in islice(dict.fromkeys(attacks(tree)), MOST_ATTACKS):
        if set(never) & {*prefix, *pump, *suffix}:
            continue
        for method in found.methods:
            run = getattr(expression, method)
            text = functools.partial(_text, prefix, pump, suffix, raw)
            told = _growth(run, text) if bound is None else _at_once(run, text(bound))
            if told:
                return f"{method} of {prefix!r} + {pump!r} * n + {suffix!r}: {told}"
    return None


def _text(prefix: str, pump: str, suffix: str, raw: bool, size: int) -> Any:
    text = prefix + pump * (size // len(pump)) + suffix
    return text.encode("utf-8") if raw else text


def _growth(run: Callable[[Any], object], text: Callable[[int], Any]) -> str | None:
    before = 0.0
    for size in SIZES:
        spent = cpu(run, text(size))
        if _is_steep(spent, before) and _is_steep(spent := min(spent, cpu(run, text(size))), before):
            return f"{size} characters take {spent * 1000:.0f} ms, an eighth {before * 1000:.2f} ms"
        before = spent
    return None


def _is_steep(spent: float, before: float) -> bool:
    # What was cut short would have taken longer.
    return spent >= 0.9 * MOST_SECONDS or (spent > LEAST_SECONDS and spent > GROWTH * before)


def _at_once(run: Callable[[Any], object], text: Any) -> str | None:
    spent = cpu(run, text)
    return f"{len(text)} characters take {spent * 1000:.0f} ms" if spent >= MOST_SECONDS else None


def cpu(run: Callable[[Any], object], text: Any) -> float:
    """CPU seconds of a call; it is cut short after MOST_SECONDS (the engine looks for signals now and then)."""
    signal.signal(signal.SIGVTALRM, _enough)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    begun = time.process_time()
    with contextlib.suppress(_Enough):
        run(text)
    spent = time.process_time() - begun
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return spent


class _Enough(Exception):
    """The call took too long."""


def _enough(*_: object) -> None:
    raise _Enough


# What a tree suggests.


def attacks(tree: Any) -> Iterator[tuple[str, str, str]]:
    """(what stands before, what is repeated, what makes it fail)."""
    for before, body in _repeats(list(tree), ""):
        for piece in samples(body):
            for pump in (piece, before + piece, before):
                if pump:
                    for suffix in ("", "\x00", "\n!"):
                        yield ("" if pump != piece else before), pump, suffix


def _repeats(nodes: Sequence[Any], before: str) -> Iterator[tuple[str, Any]]:
    """Every repetition without a small bound, with one text for what stands before it."""
    for op, argument in nodes:
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
            _, most, body = argument
            if most > 50:
                yield before, body
            yield from _repeats(list(body), before)
        elif op is ops.BRANCH:
            for branch in argument[1]:
                yield from _repeats(list(branch), before)
        elif op in (ops.SUBPATTERN, ops.ATOMIC_GROUP, ops.ASSERT, ops.ASSERT_NOT):
            inner = argument if op is ops.ATOMIC_GROUP else argument[-1]
            yield from _repeats(list(inner), before)
        before += next(iter(samples([(op, argument)])), "")


def samples(nodes: Iterable[Any], most: int = 6) -> list[str]:
    """A few texts that the nodes match, more or less: the tree's look-arounds are not asked."""
    found = [""]
    for op, argument in nodes:
        found = [text + piece for text in found for piece in _pieces(op, argument)][:most]
    return [text for text in dict.fromkeys(found) if text]


def _pieces(op: Any, argument: Any) -> list[str]:
    if op is ops.LITERAL:
        return [chr(argument)]
    if op is ops.NOT_LITERAL:
        return [c for c in POOL if ord(c) != argument][:3]
    if op is ops.ANY:
        return ["a", " ", "<"]
    if op is ops.IN:
        return [c for c in POOL if _is_in(c, argument)][:4] or [_first_of(argument)]
    if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
        least, _, body = argument
        return [text * max(1, least) for text in samples(body, 3)] + ([] if least else [""])
    if op is ops.BRANCH:
        return [text for branch in argument[1] for text in samples(branch, 2) or [""]][:6]
    if op is ops.SUBPATTERN:
        return samples(argument[-1]) or [""]
    if op is ops.ATOMIC_GROUP:
        return samples(argument) or [""]
    return [""]


def _is_in(character: str, items: Sequence[Any]) -> bool:
    negated = bool(items) and items[0][0] is ops.NEGATE
    code = ord(character)
    for op, argument in items[negated:]:
        if op is ops.LITERAL and code == argument:
            return not negated
        if op is ops.RANGE and argument[0] <= code <= argument[1]:
            return not negated
        if op is ops.CATEGORY and _is_of(character, argument):
            return not negated
    return negated


def _is_of(character: str, category: Any) -> bool:
    name = str(category)
    yes = {
        "DIGIT": character.isdigit(),
        "SPACE": character.isspace(),
        "WORD": character.isalnum() or character == "_",
    }[name.rpartition("_")[2]]
    return yes is not ("NOT" in name)


def _first_of(items: Sequence[Any]) -> str:
    op, argument = items[0]
    return chr(argument if op is ops.LITERAL else argument[0] if op is ops.RANGE else 97)
