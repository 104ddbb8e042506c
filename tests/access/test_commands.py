"""`cubano access`: keys by hand, and the trail that tells of it."""

import json

import pytest
import sqlalchemy as sa

from service.access.rules import ROLE_PERMISSIONS, Role
from tests.cli.running import cubano, environment, read


@pytest.fixture
def env(database_url):
    return environment(database_url)


def add(env, client: str, *words: str):
    return read(cubano(env, "access", "key", "add", client, "--role", "support", "--json", *words))


def test_a_key_is_given_replaced_and_taken_back(env):
    """The secret is printed once; `ls` shows which work, and all when asked."""
    first = add(env, "box-office", "--scope", "orders:read", "--network", "203.0.113.9", "--days", "30")
    second = read(cubano(env, "access", "key", "rotate", "box-office", "--overlap-hours", "1", "--json"))
    third = cubano(env, "access", "key", "rotate", "box-office")
    gone = [cubano(env, "access", "key", "revoke", first[name], "--by", "ana") for name in ("apiKey", "id")]
    now = cubano(env, "access", "key", "ls", "--json")
    every = cubano(env, "access", "key", "ls", "--all", "--json")

    assert (["orders:read"], ["203.0.113.9/32"], "works") == (first["scopes"], first["networks"], first["state"])
    assert first["apiKey"].startswith(first["key"] + "_")
    assert (first["scopes"], first["networks"]) == (second["scopes"], second["networks"])
    assert (1, True) == (third.exit_code, "Revoke one" in third.stderr)
    assert ["is revoked", "is already revoked"] == [" ".join(each.stdout.split()[1:]).strip(".") for each in gone]
    assert [second["id"]] == [each["id"] for each in read(now)]
    assert ["revoked", "works"] == [each["state"] for each in read(every)]
    assert not any(each["apiKey"][-43:] in now.stdout + every.stdout for each in (first, second))


def test_a_client_may_have_an_owner(env):
    """Named once, by the first key or a later one, and kept when the key is rotated; the trail knows the id, not the address."""
    ana, ben = [
        read(cubano(env, "access", "staff", "add", f"{name}@alocubano.example", "--name", name, "--role", "support", "--no-password", "--json"))
        for name in ("Ana", "Ben")
    ]  # fmt: skip
    first = add(env, "box-office")
    owned = add(env, "box-office", "--owner", "ANA@alocubano.example")
    cubano(env, "access", "key", "revoke", first["id"])
    rotated = read(cubano(env, "access", "key", "rotate", "box-office", "--json"))
    other = cubano(env, "access", "key", "add", "box-office", "--role", "support", "--owner", ben["email"])
    nobody = cubano(env, "access", "key", "add", "x", "--role", "support", "--owner", "x@alocubano.example")
    trail = cubano(env, "access", "audit", "ls", "--json").stdout

    assert [None, ana["id"], ana["id"]] == [each["owner"] for each in (first, owned, rotated)]
    assert [(2, True), (2, True)] == [
        (other.exit_code, "somebody else's" in other.stderr),
        (nobody.exit_code, "nobody with the address" in nobody.stderr),
    ]
    assert (True, False) == (ana["id"] in trail, "ana@" in trail.lower())


def test_a_key_may_be_shown_to_people_and_may_sign(env):
    """Without --json: what it is, and both secrets, once."""
    said = cubano(env, "access", "key", "add", "partner", "--role", "partner", "--sign").stdout
    as_json = read(cubano(env, "access", "key", "rotate", "partner", "--json"))
    listed = cubano(env, "access", "key", "ls").stdout

    assert ("Shown this once", True) == ("Shown this once" * ("Shown this once" in said), "signing secret" in said)
    assert 64 == len(as_json["signingSecret"])
    assert ("partner", "works") == tuple(word for word in ("partner", "works") if word in listed)


def test_what_cannot_be_is_said_in_one_line(env):
    """Exit 2 for a wrong wish, 1 for what is not there."""
    add(env, "box-office")
    wrong = {
        ("add", "x", "--role", "support", "--scope", "audit:read"): (2, "support has no audit:read"),
        ("add", "box-office", "--role", "admin"): (2, "box-office is support"),
        ("add", "x", "--role", "king"): (2, "king"),
        ("add", "x", "--role", "support", "--network", "home"): (2, "home"),
        ("add", "x", "--role", "support", "--days", "0"): (2, "days"),
        ("rotate", "nobody"): (1, "There is no nobody"),
        ("revoke", "key_unknown"): (1, "There is no key_unknown"),
    }

    found = {words: cubano(env, "access", "key", *words) for words in wrong}

    assert {} == {
        words: result.output
        for words, result in found.items()
        if (result.exit_code, True) != (wrong[words][0], wrong[words][1] in result.output)
    }


def test_the_trail_is_listed_proven_and_handed_over(env, database_url, tmp_path):
    """Who did what; whole: 0; changed by hand: 1 and the entry; the export can be checked without us."""
    made = add(env, "box-office", "--by", "ana")
    cubano(env, "access", "key", "revoke", made["key"], "--by", "bruno")
    listed = read(cubano(env, "access", "audit", "ls", "--subject", made["id"], "--json"))
    words = cubano(env, "access", "audit", "ls", "--action", "key.revoke")
    whole = cubano(env, "access", "audit", "verify", "--json")
    kept = read(whole)["last"]
    target = tmp_path / "trail.jsonl"
    exported = cubano(env, "access", "audit", "export", "--since", "2020-01-01", "--to", str(target))
    tamper(database_url)
    broken = cubano(env, "access", "audit", "verify")
    as_json = cubano(env, "access", "audit", "verify", "--json", "--kept", kept)

    assert [("key.revoke", "cli:bruno"), ("key.add", "cli:ana")] == [(e["action"], e["actorId"]) for e in listed]
    assert ("cli:bruno" in words.stdout, "cli:ana" in words.stdout) == (True, False)
    assert (0, None) == (whole.exit_code, read(whole)["broken"])
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert (0, ["2", lines[1]["hash"]], lines[0]["hash"]) == (
        *(exported.exit_code, kept.split(":")),
        lines[1]["previous"],
    )
    assert (1, 1, 1) == (broken.exit_code, as_json.exit_code, read(as_json)["broken"]["seq"])
    assert "Entry 1 says something else" in broken.stderr


def tamper(database_url: str) -> None:
    engine = sa.create_engine(sa.make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_trail DISABLE TRIGGER audit_trail_append_only")
        connection.exec_driver_sql("UPDATE audit_trail SET actor_id = 'cli:carla' WHERE seq = 1")
    engine.dispose()


def test_development_keys_are_written_once(env):
    """What `cubano up` hands over in its environment; in development only."""
    made = {role.value: f"cubano_dev_01aryz6s41{number:016d}_{'k' * 43}" for number, role in enumerate(Role)}
    given = env | {"CUBANO_LOCAL_API_KEYS": json.dumps(made)}

    results = [cubano(given, "db", "seed") for _ in range(2)]
    listed = read(cubano(env, "access", "key", "ls", "--json"))

    assert [0, 0] == [each.exit_code for each in results]
    assert {role.value: sorted(ROLE_PERMISSIONS[role]) for role in Role} == {e["role"]: e["scopes"] for e in listed}
    assert len(Role) == len(listed)
