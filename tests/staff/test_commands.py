"""`cubano access staff`: people by hand; passwords typed or shown once, everything audited."""

import pytest

from service.access.rules import STAFF_ROLES
from service.local.people import as_variable, from_environment, with_all_roles, write_people
from service.signin import flow
from tests.cli.running import cubano, environment, read
from tests.staff.people import HERE, KEY, code_at, door_of

EMAIL = "ana@alocubano.example"


@pytest.fixture
def env(database_url):
    return environment(database_url)


def staff(env, *words: str):
    return cubano(env, "access", "staff", *words)


def test_a_person_is_added_changed_and_let_in_again(env):
    """The password made here is in the answer and nowhere else; each change says whether there was one."""
    made = read(staff(env, "add", EMAIL, "--name", "Ana Pérez", "--role", "support", "--json"))
    again = staff(env, "add", EMAIL.upper(), "--name", "Ana", "--role", "support")
    issuers = read(
        staff(env, "add", "ben@alocubano.example", "--name", "Ben", "--role", "admin", "--no-password", "--json")
    )
    changes = [
        read(staff(env, *words, "--json"))["changed"]
        for words in (
            ("role", EMAIL, "finance"),
            ("role", EMAIL, "finance"),
            ("disable", EMAIL),
            ("enable", EMAIL),
            ("enable", EMAIL),
            ("reset-totp", EMAIL),
            ("end-sessions", EMAIL, "--by", "carla"),
        )
    ]
    reset = read(staff(env, "reset-password", EMAIL, "--json"))
    listed, shown = read(staff(env, "ls", "--json")), staff(env, "ls").stdout
    trail = read(cubano(env, "access", "audit", "ls", "--subject", made["id"], "--json"))

    assert (24, None) == (len(made["password"]), issuers["password"])
    assert (1, True) == (again.exit_code, "already" in again.stderr)
    assert [True, False, True, True, False, False, True] == changes
    assert made["password"] != reset["password"]
    assert [(EMAIL, "finance", "password"), ("ben@alocubano.example", "admin", "")] == [
        (each["email"], each["role"], each["signsInWith"]) for each in listed
    ]
    assert (True, False) == (EMAIL in shown, reset["password"] in shown)
    assert {"staff.add", "staff.role", "staff.disable", "staff.enable", "staff.end_sessions", "staff.password"} == {
        each["action"] for each in trail
    }
    assert (False, False) == (EMAIL in str(trail), made["password"] in str(trail))


def test_what_cannot_be_is_said_in_one_line(env):
    """Exit 2 for a wrong wish, 1 for who is not there."""
    wrong = {
        ("add", "no address", "--name", "x", "--role", "support"): 2,
        ("add", EMAIL, "--name", " ", "--role", "support"): 2,
        ("add", EMAIL, "--name", "x", "--role", "partner"): 2,
        ("role", EMAIL, "customer"): 2,
        ("disable", EMAIL): 1,
        ("reset-password", EMAIL): 1,
        ("sessions", EMAIL): 1,
    }

    assert wrong == {words: staff(env, *words).exit_code for words in wrong}
    assert "Nobody." in staff(env, "ls").stdout


def test_nobody_is_signed_in_anywhere_at_first(env):
    """And a list says so, in both forms."""
    read(staff(env, "add", EMAIL, "--name", "Ana", "--role", "support", "--json"))

    assert [] == read(staff(env, "sessions", EMAIL, "--json"))
    assert "Signed in nowhere." in staff(env, "sessions", EMAIL).stdout


async def test_a_local_system_has_somebody_of_each_role(db, dial, monkeypatch):
    """The same at every start; each gets in with what `cubano up` prints."""
    people = with_all_roles([])
    monkeypatch.setenv("CUBANO_LOCAL_STAFF", as_variable(people))
    door = door_of(db)

    assert people == from_environment() == with_all_roles(people)
    assert [each.value for each in STAFF_ROLES] == [each.role for each in people]
    assert len(people) == await write_people(db, people, [KEY])
    assert 0 == await write_people(db, people, [KEY])
    for each in people:
        first = await flow.sign_in(door, each.email, each.password, HERE)
        entered = await flow.give_code(door, first.token, code_at(dial.now, each.totp_secret), HERE)
        assert entered.held.awaits is None
