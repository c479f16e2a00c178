"""Settings: who wins, what is said when something is wrong, and that no password is shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib import settings
from mingus_lib.errors import UsageError
from mingus_lib.settings import Declaration, Settings, declarations, examine, load, secrets
from mingus_lib.view import reference

# Three different values of every setting: for the flag, the environment and the file (as TOML).
SAMPLES: dict[str, tuple[str, str, str]] = {
    "report_timezone": ("America/New_York", "Africa/Lagos", '"Europe/Paris"'),
    "redis_url": ("redis://flag", "rediss://env:6380/1", '"unix:///run/redis.sock"'),
    "log_level": ("debug", "ERROR", '"warning"'),
    "log_format": ("json", "text", '"json"'),
    "key_file": ("/tmp/a.json", "/tmp/b.json", '"none"'),
    "eager": ("yes", "no", "true"),
    "log_file": ("/tmp/a.log", "/tmp/b.log", '"none"'),
    "results_ttl": ("10", "1h", "20"),
    "health_max_age": ("20m", "1h", "90"),
    "schedules": ("/tmp/a.toml", "/tmp/b.toml", '"none"'),
    "gate_intermediate": ("50", "55.5", "40"),
    "gate_advanced": ("70", "75", "90.5"),
    "gate_assessment_days": ("30", "60", "365"),
    "recommend_tune": ("no", "yes", "false"),
    "recommend_content_weight": ("0.5", "1", "0"),
    "recommend_dense_articles": ("100", "200", "300"),
    "recommend_dense_readers": ("100", "200", "300"),
    "recommend_per_host": ("1", "2", "3"),
    "recommend_per_topic": ("1", "2", "3"),
    "recommend_explore": ("0", "0.2", "0.3"),
    "recommend_without": ("goals", "balance,culture", '["freshness"]'),
    "unknown_hosts": ("hold", "fetch", '"hold"'),
    "fetch_interval": ("1s", "500ms", "0.25"),
    "fetch_concurrency": ("1", "2", "3"),
    "fetch_timeout": ("1", "1m", '"3s"'),
    "fetch_max_bytes": ("1MB", "2MiB", "3000"),
    "fetch_user_agent": ("a/1", "b/2", '"c/3"'),
    "fetch_allow_networks": ("none", "10.0.0.0/8,::1/128", '["127.0.0.0/8"]'),
    "fetch_ports": ("80", "8080, 81", "[1, 2]"),
    "fetch_proxy": ("http://p:1", "https://q", '"none"'),
    "mail_max_bytes": ("20kB", "1MB", "50_000"),
    "mail_retention": ("1d", "2d", "3600"),
    "imap_host": ("a.example", "b.example", '"none"'),
    "imap_port": ("143", "1143", "993"),
    "imap_user": ("ada", "grace", '"none"'),
    "imap_password": ("one", "two", '"none"'),
    "imap_password_file": ("/a", "/b", '"/c"'),
    "imap_folder": ("News", "Letters", '"INBOX.x"'),
    "imap_tls": ("none", "starttls", '"tls"'),
    "imap_ca_file": ("/a", "/b", '"/c"'),
    "quality_min_words": ("1", "2", "3"),
    "quality_max_words": ("1001", "1002", "1003"),
    "quality_languages": ("en", "FR,de", '["es"]'),
    "ai": ("off", "auto", '"off"'),
    "ai_key_file": ("/tmp/a", "/tmp/b", '"none"'),
    "ai_base_url": ("https://a/v1", "http://b:8000/v1", '"none"'),
    "ai_model_strong": ("a", "b", '"c"'),
    "ai_model_cheap": ("a", "b", '"c"'),
    "ai_text_tokens": ("100", "200", "300"),
    "ai_rate": ("0.5", "2", "10"),
    "ai_concurrency": ("1", "2", "3"),
    "ai_timeout": ("1s", "2m", "30"),
    "ai_daily_budget": ("$1", "2.50", '"none"'),
    "ai_monthly_budget": ("none", "$20", "30"),
    "ai_over_budget": ("wait", "offline", '"wait"'),
    "ai_prices": ("/tmp/a.toml", "/tmp/b.toml", '"none"'),
    "dashboard_host": ("127.0.0.2", "::1", '"localhost"'),
    "dashboard_port": ("1", "2", "3"),
    "dashboard_public_url": ("https://a", "https://b/c", '"http://d"'),
    "dashboard_token": ("a" * 16, "b" * 16, f'"{"c" * 16}"'),
    "dashboard_token_file": ("/tmp/a", "/tmp/b", '"none"'),
    "retention_age": ("publication", "arrival", '"publication"'),
    "retention_keep_rating": ("3", "4.5", "5"),
    "backup_folder": ("/a", "/b", '"/c"'),
    **{
        f"retention_{name}": ("11", "12", "13")
        for name in (
            "keep_read_days",
            "phase_floor",
            "level_floor",
            "archived_pages_days",
            "archived_rows_days",
            "pages_days",
            "lists_days",
            "answers_days",
            "jobs_days",
            "outcomes_days",
            "logs_days",
        )
    },
    "backup_daily": ("1", "2", "3"),
    "backup_weekly": ("1", "2", "3"),
}
EACH = [each for each in declarations() if not each.required]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty state directory, without a Redis."""
    return tmp_path / "state"


def read(home: Path, text: str = "", *, env: dict[str, str] | None = None, **flags: str) -> Settings:
    """Load with `text` as the state directory's mingus.toml."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "mingus.toml").write_text(text, "utf-8")
    return load({"home": str(home), **flags}, env or {}, system=home / "absent.toml")


def refusal(home: Path, text: str = "", *, env: dict[str, str] | None = None, **flags: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(home, text, env=env, **flags)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def as_toml(each: Declaration, literal: str) -> str:
    section, _, key = each.key.rpartition(".")
    return f"[{section}]\n{key} = {literal}\n" if section else f"\n{key} = {literal}\n"


@pytest.mark.parametrize("each", EACH, ids=lambda each: each.name)
def test_the_stronger_place_wins_and_is_named(each: Declaration, home: Path) -> None:
    flag, variable, literal = SAMPLES[each.name]
    text, env = as_toml(each, literal), {each.env: variable}
    seen = [
        read(home, text, env=env, **{each.name: flag}),
        read(home, text, env=env),
        read(home, text),
        read(home),
    ]
    origins = [found.origin(each.name) for found in seen]
    assert origins == [each.flag, each.env, f"{home / 'mingus.toml'}:2", "default"]
    values = [getattr(found, each.name) for found in seen]
    assert values[0] == each.kind.parse(flag)
    assert values[1] == each.kind.parse(variable)
    assert values[3] == each.default
    assert values[0] != values[1]
    assert values[1] != values[2]


def test_human_forms_are_understood(home: Path) -> None:
    text = '[fetch]\nmax_bytes = "10MB"\ninterval = "2s"\nports = "80, 8080"\n'
    found = read(home, text, env={"MINGUS_FETCH_TIMEOUT": "1m", "MINGUS_QUALITY_MIN_WORDS": " 30 "})
    assert (found.fetch_max_bytes, found.fetch_interval, found.fetch_timeout) == (10_000_000, 2.0, 60.0)
    assert (found.fetch_ports, found.quality_min_words) == ((80, 8080), 30)


def test_an_empty_variable_is_not_set(home: Path) -> None:
    found = read(home, env={"MINGUS_FETCH_INTERVAL": "", "MINGUS_CONFIG": ""})
    assert (found.fetch_interval, found.origin("fetch_interval")) == (2.0, "default")


WRONG_FILES = [
    ("x = 1\nlog_levle = 'info'", "mingus.toml:1: unknown key \"x\""),
    ("\nlog_levle = 'info'", 'mingus.toml:2: unknown key "log_levle", did you mean "log_level"?'),
    ("[fetch]\n\nintervall = 2", 'mingus.toml:3: unknown key "fetch.intervall", did you mean "fetch.interv'),
    ("fetch_interval = 2", 'did you mean "fetch.interval"?'),
    ("fetch = 2", "mingus.toml:1: fetch is a section: write [fetch]"),
    ("[fetsh]", 'mingus.toml:1: unknown key "fetsh"'),
    ("[unknown_hosts]\na = 1", 'mingus.toml:2: unknown key "unknown_hosts.a"'),
    ("fetch.concurrency = 0", "mingus.toml:1: fetch.concurrency: 0 will not do; use a whole number, 1 "),
    ("fetch.concurrency = true", "use a whole number"),
    ("fetch.concurrency = 1.5", "use a whole number"),
    ("fetch.interval = nan", "use a time, 0 s to 1 h"),
    ("fetch.interval = -1", "use a time"),
    ("fetch.interval = []", "use a time"),
    ("fetch.max_bytes = '10 parsecs'", '"10 parsecs" will not do; use a number of bytes, 1 kB to 1 GB'),
    ("fetch.allow_networks = ['10.0.0.1/8']", "use networks such as 10.0.0.0/8"),
    ("fetch.ports = []", "use ports from 1 to 65535"),
    ("fetch.ports = [70000]", "use ports from 1 to 65535"),
    ("fetch.user_agent = 'a\\nb'\nfetch.user_agent = 1", "not valid TOML"),
    ('fetch.user_agent = "a\\nb"', "use one line"),
    ("quality.languages = ['english']", "use two-letter language codes"),
    ("quality.languages = {a = 1}", 'unknown key "quality.languages.a"'),
    ("unknown_hosts = 'perhaps'", "use one of fetch, hold"),
    ("home = 3", "mingus.toml:1: home: use the path of a folder"),
    ("home = '/elsewhere'", "cannot name another state directory"),
    ("quality.min_words = 6000", "mingus.toml:1: quality.min_words (6000) must not be more than"),
    ("a = 1\nb = ", "mingus.toml:2: not valid TOML"),
    ("a = 1\na = 2", "not valid TOML"),
    ("a = " + "[" * 5000, "mingus.toml"),
    ("tasks = 1", "[tasks.NAME] takes soft, hard, retries, backoff, rate_limit"),
    ("[tasks.ping]\nhrad = 3", 'mingus.toml:2: unknown key "tasks.ping.hrad", did you mean "hard"?'),
    ("[tasks.ping]\nsoft = 0", "mingus.toml:2: tasks.ping.soft: 0 will not do"),
    ("[tasks.ping]\nsoft = 9\nhard = 9", "mingus.toml:3: tasks.ping: hard (9 s) must be more than soft"),
    ("[tasks.ping]\nrate_limit = 'often'", 'use a rate such as "10/min"'),
    ("[tasks.ping.soft]\na = 1", 'unknown key "tasks.ping.soft.a"'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG_FILES, ids=range(len(WRONG_FILES)))
def test_a_wrong_file_is_refused_with_its_line(text: str, said: str, home: Path) -> None:
    assert said in refusal(home, text)


@pytest.mark.parametrize(
    "content", [b"\xff = 1", b"a = 1\nb = '\xff'", b"#" * 300_000], ids=["first", "later", "huge"]
)
def test_a_file_that_is_no_text_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mingus.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"mingus\.toml"):
        load({"home": str(tmp_path)}, {}, path)


def test_the_mark_that_windows_puts_before_a_text_is_passed_over(home: Path, tmp_path: Path) -> None:
    assert read(home, "\ufeffquality.min_words = 42\r\n").quality_min_words == 42
    password = tmp_path / "password"
    password.write_bytes(b"\xef\xbb\xbfsesame\r\n")
    assert secrets.read(password, "the password file") == "sesame"


def test_wrong_variables_and_flags_are_named(home: Path) -> None:
    said = refusal(home, env={"MINGUS_FETCH_INTERVAL": "soon"})
    assert said.startswith('MINGUS_FETCH_INTERVAL: "soon" will not do; use a time')
    assert refusal(home, log_level="loud").startswith("--log-level: ")
    assert refusal(home, fetch_ports="").startswith("--fetch-ports: ")
    with pytest.raises(UsageError, match="--home: use the path of a folder"):
        load({"home": ""}, {})


def test_in_a_working_directory_that_is_gone_whole_paths_are_asked_for(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(UsageError, match="MINGUS_HOME: use the whole path of a folder"):
        load({}, {"MINGUS_HOME": "library"})
    with pytest.raises(UsageError, match="--config: use the whole path of a file"):
        load({"home": str(home)}, {}, Path("mingus.toml"))
    assert refusal(home, env={"MINGUS_LOG_FILE": "log"}).startswith('MINGUS_LOG_FILE: "log" will not do')
    assert load({"home": str(home)}, {}).home == home


def test_several_problems_are_counted_in_one_line_and_listed_by_examine(home: Path) -> None:
    env = {"MINGUS_FETCH_INTERVAL": "soon", "MINGUS_LOG_LEVEL": "loud", "MINGUS_FETCH_INTERVALL": "1"}
    assert "(and 1 more" in refusal(home, env=env)
    examined = examine({"home": str(home)}, env)
    assert [finding.fatal for finding in examined.findings] == [True, True, False]
    assert examined.findings[2].message.endswith('did you mean "MINGUS_FETCH_INTERVAL"?')


def test_an_unknown_variable_does_not_stop_mingus(home: Path) -> None:
    assert read(home, env={"MINGUS_OTHER_PROGRAM": "1"}).home == home


def test_task_tables_are_checked_and_kept(home: Path) -> None:
    text = '[tasks.ping]\nsoft = "1m"\nhard = 120\nretries = 0\nbackoff = 0.5\nrate_limit = "10 / minute"\n'
    found = read(home, text + "[tasks.other]\n")
    assert found.tasks == {
        "ping": {"soft": 60, "hard": 120, "retries": 0, "backoff": 0.5, "rate_limit": "10/min"}
    }
    assert found.origin("tasks.ping.hard").endswith("mingus.toml:3")


class TestWhere:
    """The state directory and the file."""

    def test_the_state_directory_in_its_order(self, tmp_path: Path) -> None:
        system = tmp_path / "etc.toml"
        named = tmp_path / "named.toml"
        system.write_text("home = '/from/etc'")
        named.write_text("# first\nhome = '/from/named'")
        env = {"MINGUS_HOME": "/from/env", "STATE_DIRECTORY": "/from/systemd:/other", "HOME": "/from/user"}
        xdg = {"XDG_STATE_HOME": "/from/xdg", "HOME": "/from/user"}

        def found(
            flags: dict[str, str | None], env: dict[str, str], config: Path | None = None
        ) -> tuple[str, str]:
            seen = load(flags, env, config, system=system)
            return str(seen.home), seen.origin("home")

        assert found({"home": "/from/flag"}, env) == ("/from/flag", "--home")
        assert found({}, env) == ("/from/env", "MINGUS_HOME")
        del env["MINGUS_HOME"]
        assert found({}, env, named) == ("/from/named", f"{named}:2")
        assert found({}, env) == ("/from/etc", f"{system}:1")
        system.unlink()
        assert found({}, env) == ("/from/systemd", "STATE_DIRECTORY")
        assert found({}, xdg) == ("/from/xdg/mingus", "default (XDG_STATE_HOME)")
        assert (
            found({}, {"XDG_STATE_HOME": "relative", "HOME": "/from/user"})[0]
            == "/from/user/.local/state/mingus"
        )

    def test_the_file_in_its_order(self, tmp_path: Path) -> None:
        names = ("flag", "env", "state", "etc")
        paths = {name: tmp_path / name / "mingus.toml" for name in names}
        for number, (name, path) in enumerate(paths.items(), 1):
            path.parent.mkdir()
            path.write_text(f"fetch.concurrency = {number}")
            assert name in str(path)
        env = {"MINGUS_HOME": str(tmp_path / "state"), "MINGUS_CONFIG": str(paths["env"])}

        def used(config: Path | None = None) -> int:
            return load({}, env, config, system=paths["etc"]).fetch_concurrency

        assert used(paths["flag"]) == 1
        assert used() == 2
        env["MINGUS_CONFIG"] = ""
        assert used() == 3
        paths["state"].unlink()
        assert used() == 4

    def test_a_named_file_must_exist(self, home: Path) -> None:
        with pytest.raises(UsageError, match="--config: there is no file /nowhere"):
            load({"home": str(home)}, {}, "/nowhere/mingus.toml")
        with pytest.raises(UsageError, match="MINGUS_CONFIG: there is no file /nowhere"):
            load({"home": str(home)}, {"MINGUS_CONFIG": "/nowhere/mingus.toml"})

    def test_a_file_that_cannot_be_read(self, home: Path) -> None:
        (home / "mingus.toml").mkdir(parents=True)
        with pytest.raises(UsageError, match="cannot be read: Is a directory"):
            load({"home": str(home)}, {})

    def test_examine_tells_which_files(self, tmp_path: Path) -> None:
        config = tmp_path / "mingus.toml"
        config.write_text("")
        examined = examine({"home": str(tmp_path)}, {}, system=tmp_path / "absent.toml")
        assert (examined.files_read, examined.files_absent) == ((config,), ())
        config.unlink()
        examined = examine({"home": str(tmp_path)}, {}, system=tmp_path / "absent.toml")
        assert examined.files_absent == (config, tmp_path / "absent.toml")


@given(st.binary(max_size=200))
def test_no_file_is_a_surprise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    examined = examine({"home": "/h"}, {}, path)
    assert (examined.settings is None) == any(finding.fatal for finding in examined.findings)


def test_policies_carry_the_settings(home: Path) -> None:
    found = read(home, "[fetch]\ninterval = 1\nports = [80]\n[quality]\nmin_words = 5\n")
    assert (found.fetch_policy().interval, found.fetch_policy().ports) == (1.0, (80,))
    assert found.quality_policy().min_words == 5
    assert found.store_path == home / "mingus.db"


def test_the_page_of_the_documentation_is_up_to_date() -> None:
    page = Path(__file__).parent.parent / "docs/configuration.md"
    assert page.read_text("utf-8") == reference.configuration(), "run `make docs`"


def test_the_example_says_what_is_so_anyway(home: Path) -> None:
    found = read(home, reference.example())
    assert found == Settings(home=home)
    uncommented = reference.example().replace("# [tasks", "[tasks")
    keys = ("soft", "hard", "retries", "backoff", "rate_limit")
    for key in keys:
        uncommented = uncommented.replace(f"# {key} =", f"{key} =")
    assert set(read(home, uncommented).tasks["process_new_articles"]) == set(keys)


def test_start_up_is_light() -> None:
    code = "import sys, mingus_lib.settings as s; s.load({}, {'HOME': '/h'}); print(*sys.modules)"
    # Counted by coverage, which comes in through the environment, it would load much more.
    shown = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True, check=True)
    heavy = {
        "typer",
        "rich",
        "pydantic",
        "logging",
        "platformdirs",
        "tomllib",
        "difflib",
        "json",
    }
    assert not heavy & set(shown.stdout.split())


def test_the_room_has_one_door() -> None:
    assert settings.load is load
