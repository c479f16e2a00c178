"""Single values of settings: what is read, how it is shown, and that no password is; lines of a file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mingus_lib.domain.recommend import facts
from mingus_lib.domain.tomltext import leaves, line_numbers
from mingus_lib.errors import UsageError
from mingus_lib.settings import Declaration, declarations, declared, load, mask
from mingus_lib.settings.kinds import Duration, Size, Token

EACH = [each for each in declarations() if not each.required]

letters = st.characters(codec="utf-8", exclude_characters="@:/?#[]%&*", categories=["L", "N", "P", "S"])
# The beginning keeps a password from being a word that is printed anyway.
passwords = st.text(letters, min_size=8).map(lambda text: f"hush-{text}")


class TestSecrets:
    """A password is shown nowhere."""

    @given(passwords.filter(str.isascii))
    def test_not_when_it_is_right(self, password: str) -> None:
        text = f"redis://user:{password}@host:6379/0"
        found = load(
            {"home": "/h", "redis_url": text, "fetch_proxy": f"http://:{password}@proxy"},
            {},
            system=Path("/-"),
        )
        assert found.redis_url == text
        shown = [repr(found), str(found), *(found.shown(each.name) for each in declarations())]
        assert all(password not in line for line in shown)
        assert found.shown("redis_url") == "redis://user:***@host:6379/0"

    @given(
        passwords,
        st.sampled_from(["redis://:{}@host:port", "http://{}@host", "{}", "redis://:{}@", "redis://h/{}"]),
    )
    def test_not_when_it_is_wrong(self, password: str, form: str) -> None:
        with pytest.raises(UsageError) as caught:
            load({"home": "/h", "redis_url": form.format(password)}, {}, system=Path("/-"))
        assert password not in str(caught.value)

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("redis://h:6379/0", "redis://h:6379/0"),
            ("redis://:pw@h", "redis://:***@h"),
            ("redis://u:p@w@h", "redis://u:***@h"),
            ("http://token@h", "http://***@h"),
            ("unix:///run/r.sock?password=pw&db=1", "unix:///run/r.sock?password=***&db=1"),
            ("redis://h?password=p@w", "redis://h?password=***"),
            ("u:pw@h", "u:***@h"),
        ],
    )
    def test_mask(self, url: str, shown: str) -> None:
        assert mask(url) == shown


GOOD_URLS = [
    "redis://h",
    "redis://[::1]:6379/2",
    "rediss://u:p@h:1/0",
    "unix:///r.sock?db=1",
    "redis+sentinel://a:1,b:2/main/0",
]
BAD_URLS = [
    "h:6379",
    "http://h",
    "redis://",
    "redis://h/one",
    "redis://h:99999",
    "redis://h:x",
    "unix://",
    "redis://a b",
    "redis://[::1",
]


@pytest.mark.parametrize("url", GOOD_URLS)
def test_a_redis_address_is_kept(url: str, tmp_path: Path) -> None:
    assert load({"home": str(tmp_path), "redis_url": url}, {}).redis_url == url


@pytest.mark.parametrize("url", BAD_URLS)
def test_what_is_no_redis_address_is_refused(url: str, tmp_path: Path) -> None:
    said = "--redis-url: the value will not do; use an address such as redis://"
    with pytest.raises(UsageError, match=said):
        load({"home": str(tmp_path), "redis_url": url}, {})


class TestKinds:
    """Reading and showing belong together."""

    @given(st.integers(1, 10**9))
    def test_sizes_come_back(self, size: int) -> None:
        kind = Size(1, 10**9)
        assert kind.parse(kind.show(size)) == size == kind.parse(size)

    @given(st.integers(0, 10**9))
    def test_durations_come_back(self, milliseconds: int) -> None:
        kind, seconds = Duration(0, 1e6), milliseconds / 1000
        assert kind.parse(kind.show(seconds)) == seconds
        assert kind.parse(f"{milliseconds}ms") == seconds

    @pytest.mark.parametrize("each", EACH, ids=lambda each: each.name)
    def test_every_default_is_allowed_and_comes_back(self, each: Declaration) -> None:
        assert each.kind.parse(each.kind.show(each.default)) == each.default

    @given(
        raw=st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.lists(st.text()), st.none())
    )
    @example(raw="folder /")
    @settings(max_examples=20)
    @pytest.mark.parametrize("each", declarations(), ids=lambda each: each.name)
    def test_anything_is_a_value_or_refused(self, each: Declaration, raw: Any) -> None:
        try:
            value = each.kind.parse(raw)
        except ValueError:
            return
        if isinstance(each.kind, Token):
            assert each.kind.show(value) in ("***", "none")
        else:
            assert each.kind.parse(each.kind.show(value)) == value


names = st.text("abcXYZ_-09", min_size=1, max_size=6)
written = st.one_of(names, names.map(lambda name: f'"{name}.dotted"'))
values = st.sampled_from(
    ["1", "'x'", '"""a\nb = 2\n[c]\n"""', "[\n  1, # [x]\n  2,\n]", "{ a = 1, b.c = 2 }", "'''\n'''"]
)
statements = st.tuples(
    st.lists(written, min_size=1, max_size=3), values, st.sampled_from(["", "\n", "# c = 1\n"])
)


class TestLineNumbers:
    """The scanner agrees with tomllib on every document."""

    @given(st.lists(st.one_of(statements, written.map(lambda name: f"[{name}]\n")), max_size=8))
    def test_every_key_is_found_where_it_was_written(self, parts: list[Any]) -> None:
        expected: dict[tuple[str, ...], int] = {}
        text, table = "", cast(tuple[str, ...], ())
        for part in parts:
            line = text.count("\n") + 1
            if isinstance(part, str):
                table, added = self._key([part[1:-2]]), part
            else:
                added = f"{part[2]}{'.'.join(part[0])} = {part[1]}\n"
                key = (*table, *self._key(part[0]))
                expected[key] = line + part[2].count("\n")
            try:
                tomllib.loads(text + added)
            except tomllib.TOMLDecodeError:
                return
            text += added
        found = line_numbers(text)
        for key, _ in leaves(tomllib.loads(text)):
            if key in expected:
                assert found[key] == expected[key]
            assert key in found

    @staticmethod
    def _key(parts: list[str]) -> tuple[str, ...]:
        return tuple(part.strip('"') for part in parts)

    def test_a_table_inside_a_table(self) -> None:
        text = "a.b = 1\n[[t]]\nx = 1\n[t.u]\ny = 2\n[v]\n"
        assert line_numbers(text) == {
            ("a", "b"): 1,
            ("t",): 2,
            ("t", "x"): 3,
            ("t", "u"): 4,
            ("t", "u", "y"): 5,
            ("v",): 6,
        }


def test_the_steps_of_the_ranking_are_those_of_the_domain() -> None:
    assert declared.STEPS == facts.STEPS
