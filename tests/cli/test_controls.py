"""`cubano controls`: look at the switches, put one somewhere, put it back, and see who did what."""

import pytest

from service.controls.rules import switches
from tests.cli.running import cubano, environment, read

WHY = ("--reason", "on-sale tonight", "--by", "ana")


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    return environment(database_url)


def positions(env: dict[str, str]) -> dict[str, str]:
    return {each["name"]: each["position"] for each in read(cubano(env, "controls", "ls", "--json"))}


def test_all_switches_are_listed_with_what_is_normal(env):
    """In words and as JSON."""
    words = cubano(env, "controls", "ls")

    assert {name: each.normal for name, each in switches(["stripe"]).items()} == positions(env)
    assert all(name in words.stdout for name in switches(["stripe"]))


def test_a_switch_is_put_somewhere_and_back(env):
    """Each with its reason; the history tells both, newest first."""
    put = cubano(env, "controls", "set", "sales", "paused", "--lease", "900", *WHY)
    during = positions(env)["sales"]
    back = [cubano(env, "controls", "clear", "sales", *WHY) for _ in range(2)]
    history = read(cubano(env, "controls", "history", "--json"))

    assert put.stdout.startswith("sales is paused until ")
    assert ("paused", "open") == (during, positions(env)["sales"])
    assert ["sales is open.\n", "sales is already open.\n"] == [each.stdout for each in back]
    assert [("sales", None, "ana"), ("sales", "paused", "ana")] == [
        (each["name"], each["position"], each["by"]) for each in history
    ]
    assert "on-sale tonight" in cubano(env, "controls", "history", "sales").stdout
    assert "Nothing was ever changed." in cubano(env, "controls", "history", "route").stdout


@pytest.mark.parametrize("words", [("set", "sales", "paused"), ("clear", "maintenance")])
def test_a_dry_run_says_what_would_be_and_changes_nothing(env, words):
    """Positions and history stay as they are."""
    cubano(env, "controls", "set", "maintenance", "on", *WHY)
    before = positions(env)

    said = cubano(env, "controls", *words, "--dry-run", *WHY)

    assert "would be" in said.stdout
    assert before == positions(env)
    assert 1 == len(read(cubano(env, "controls", "history", "--json")))


# what is typed: what is said about it
WRONG = {
    ("set", "tills", "open", *WHY): "No switch 'tills'",
    ("set", "sales", "closed", *WHY): "One of open, paused.",
    ("set", "route", "venmo", *WHY): "Some of stripe",
    ("set", "sales", "paused", "--reason", " "): "Say why",
    ("set", "sales", "paused", "--lease", "9999999", *WHY): "604800 seconds",
    ("set", "sales", "paused"): "--reason",
    ("clear", "sales"): "--reason",
    ("history", "tills"): "No switch 'tills'",
}


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_what_is_wrong_is_said_and_nothing_changes(env, words):
    """Exit 2, on stderr."""
    refused = cubano(env, "controls", *words)

    assert 2 == refused.exit_code
    assert WRONG[words] in refused.stderr
    assert [] == read(cubano(env, "controls", "history", "--json"))


def test_json_says_the_same(env):
    """For a program that asks."""
    put = read(cubano(env, "controls", "set", "breaker.stripe", "open", "--lease", "60", "--json", *WHY))
    cleared = read(cubano(env, "controls", "clear", "breaker.stripe", "--json", *WHY))

    assert ("breaker.stripe", "open", "auto", "ana", False) == tuple(
        put[each] for each in ("name", "position", "normal", "by", "dryRun")
    )
    assert ("auto", True) == (cleared["position"], cleared["changed"])
