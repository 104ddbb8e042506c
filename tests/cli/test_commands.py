"""Commands about the ground we stand on: they say what is wrong in words, and in their exit code."""

import subprocess
import sys

import click
import psycopg
import pytest

from service.cli import main
from service.cli.main import SUMMARIES
from tests.cli.running import cubano, environment, read

COMMANDS = sorted(main.list_commands(click.Context(main)))


def paths(command: click.Command, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command and group below `command`."""
    below = command.commands if isinstance(command, click.Group) else {}
    return [words, *(path for name, each in below.items() for path in paths(each, (*words, name)))]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name):
    """`--help` works without any settings, for the command and all below it."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    for words in paths(command, (name,)):
        result = cubano({}, *words, "--help")

        assert (0, True) == (result.exit_code, result.stdout.startswith("Usage: ")), words
        assert len(result.stdout.splitlines()) > 4, words


def test_the_program_lists_its_commands():
    """`cubano --help` names every command of the contract that exists."""
    result = cubano({}, "--help")

    assert 0 == result.exit_code
    assert {"up", "serve", "work", "emulate", "db", "doctor", "invariants", "inbox", "bench"} <= set(COMMANDS)
    assert all(name in result.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_list_says_what_the_command_says(name):
    """The list is kept beside the commands, so that it loads none of them."""
    command = main.get_command(click.Context(main), name)
    assert command is not None

    assert SUMMARIES[name] == command.get_short_help_str(limit=1000)


@pytest.mark.parametrize(
    ("words", "spared"),
    [
        (("--help",), ("asyncio", "httpx", "litestar", "psycopg", "redis", "rich", "sqlalchemy", "stripe")),
        (
            ("emulate", "--help"),
            ("httpx", "psycopg", "redis", "rich", "sqlalchemy", "stripe", "throttled", "service.kernel"),
        ),
        (("up", "--help"), ("alembic", "litestar", "redis", "stripe")),
        (("monitor", "--help"), ("litestar", "psycopg", "redis", "sqlalchemy", "stripe")),
        (("work", "--help"), ("litestar", "uvicorn", "segno")),
        (("serve", "--help"), ("service.worker", "alembic", "aiosmtplib")),
    ],
)
def test_a_command_loads_only_what_it_works_with(words, spared):
    """A start is most of what a command costs. A name missing in `SUMMARIES` would load all commands for their list."""
    program = f"""
import sys
from service.cli import main
try:
    main({list(words)!r}, prog_name="cubano")
finally:
    loaded = {{name for name in {spared!r} if name in sys.modules}}
    sys.stderr.write(" ".join(sorted(loaded)))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (0, "") == (ended.returncode, ended.stderr)


def test_wrong_settings_are_listed_all_at_once():
    """Exit code 2, one line a problem, and no secret in any of them."""
    env = {
        "CUBANO_SECRET_KEYS": "too-short-but-secret",
        "CUBANO_STRIPE_API_KEY": "sk_live_do_not_show",
        "CUBANO_HOLD_SECONDS": "many",
        "CUBANO_COLOUR": "red",
    }
    for command in (["serve"], ["work"], ["invariants"], ["db", "check"], ["inbox", "ls"], ["doctor"]):
        result = cubano(env, *command)

        assert 2 == result.exit_code, command
        for named in ("DATABASE_URL", "SECRET_KEYS", "STRIPE_WEBHOOK_SECRETS", "HOLD_SECONDS", "CUBANO_COLOUR"):
            assert named in result.stderr, (command, named)
        assert "do_not_show" not in result.stderr
        assert "too-short-but-secret" not in result.stderr


def test_usage_errors_are_exit_code_2(database_url):
    """Wrong words are not "found something wrong"."""
    env = environment(database_url)
    wrong = (["inbox", "ls", "--state", "lost"], ["inbox", "discard", "1"], ["inbox", "replay"], ["nothing"])

    assert [2, 2, 2, 2] == [cubano(env, *words).exit_code for words in wrong]


def test_the_schema_and_the_festival_can_be_written_twice(empty_database_url):
    """Before: bad. Then upgrade and seed, each twice: the second time changes nothing."""
    env = environment(empty_database_url)
    before = cubano(env, "db", "check")
    results = [cubano(env, "db", word) for word in ("upgrade", "upgrade", "seed", "seed", "check")]

    assert (1, True) == (before.exit_code, "BAD schema" in before.stdout)
    assert [0] * 5 == [result.exit_code for result in results], [result.output for result in results]
    assert "0 ticket types added" in results[3].stdout
    assert "BAD" not in results[4].stdout


def test_a_schema_that_is_not_there_is_one_line(empty_database_url):
    """Not a stack: what is missing, and the command that mends it."""
    result = cubano(environment(empty_database_url), "invariants")

    assert 1 == result.exit_code
    assert "cubano db upgrade" in result.stderr
    assert "Traceback" not in result.output


def test_a_database_that_does_not_answer_is_one_line():
    """Every command that needs it says so and ends with 1."""
    env = environment("postgresql://cubano:secret-word@127.0.0.1:9/cubano")
    for words in (["invariants"], ["inbox", "ls"], ["db", "upgrade"], ["db", "seed"]):
        result = cubano(env, *words)

        assert 1 == result.exit_code, words
        assert "does not answer" in result.stderr, words
        assert "secret-word" not in result.output
    assert 1 == cubano(env, "db", "check").exit_code


def test_the_doctor_names_what_does_not_answer(database_url):
    """Database and schema are well, the gateway is not there."""
    result = cubano(environment(database_url), "doctor", "--json")
    words = cubano(environment(database_url), "doctor")

    assert 1 == result.exit_code == words.exit_code
    found = {each["name"]: each["ok"] for each in read(result)}
    assert {"database": True, "schema": True, "providers": True, "gateway stripe": False} == found
    assert "BAD gateway stripe" in words.stdout


def test_the_doctor_is_content_when_all_answer(database_url, emulator_url):
    """And it notices a key the gateway does not take."""
    good = environment(database_url, CUBANO_STRIPE_BASE_URL=emulator_url, CUBANO_STRIPE_API_KEY="sk_test_stage")
    wrong = {**good, "CUBANO_STRIPE_API_KEY": "sk_test_other"}

    assert 0 == cubano(good, "doctor").exit_code
    assert (1, True) == ((found := cubano(wrong, "doctor")).exit_code, "auth" in found.stdout)


def test_a_schema_of_another_build_is_noticed(database_url):
    """A database that was migrated further than this build, or less, is not worked on."""
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")

    assert 1 == (found := cubano(environment(database_url), "db", "check")).exit_code
    assert "9999" in found.stdout
