"""Passwords: what is taken, how it is kept, and that guessing costs the same for everybody."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.rules import STAFF_ROLES
from service.kernel.errors import Invalid, Overloaded
from service.kernel.seals import Seals, Unsealable
from service.sessions.rules import Awaits
from service.settings_checks import STAFF_ROLES as NAMED_IN_SETTINGS
from service.signin import flow
from service.staff.flow import MOST_WAITING, Passwords
from service.staff.rules import as_hashed, check_password
from tests.staff.people import HERE, PASSWORD, cheap_hasher, hire

EMAIL, NAME = "ana.perez@alocubano.example", "Ana Pérez"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("too short 1", "too_short"),
        ("x" * 257, "too_long"),
        ("aaaaaaaaaaaaaaaa", "too_common"),  # one character
        ("Password1234!", "too_common"),
        ("P@ssw0rd12345678", "too_common"),  # dressed up
        ("qwertyuiop123456", "too_common"),
        ("abcdefghijklmnop", "too_common"),
        ("ALoCubano2026!!!", "too_common"),  # the house
        ("ana.perez@alocubano.example", "too_common"),  # one's own address
        ("AnaPérezAnaPérez1", "too_common"),
        ("correct horse battery", None),
        (PASSWORD, None),
        ("пароль из трёх слов", None),
    ],
)
def test_long_is_enough_unless_everybody_tries_it(password, code):
    """Twelve characters, no rules about signs, and none of those that are tried first."""
    found = None
    try:
        check_password(password, email=EMAIL, name=NAME)
    except Invalid as error:
        found = error.fields[0].code

    assert code == found


async def test_a_password_is_kept_as_argon2id_and_hashed_anew_with_todays_parameters():
    """Right, wrong, somebody unknown; and a new hash when the old one was made more cheaply."""
    old, today = Passwords(cheap_hasher()), Passwords(cheap_hasher(time_cost=2))
    kept = await old.hash(PASSWORD)

    right, wrong, nobody = await asyncio.gather(
        today.check(kept, PASSWORD), today.check(kept, "other"), today.check(None, PASSWORD)
    )

    assert kept.startswith("$argon2id$")
    assert (True, False, False) == (right.right, wrong.right, nobody.right)
    assert (await today.check(right.fresh, PASSWORD)).fresh is None
    assert (await old.check(kept, PASSWORD)).fresh is None
    assert not (await today.check("no hash at all", PASSWORD)).right


async def test_nobody_costs_what_somebody_costs():
    """The same number of hashes for an unknown address, so that time tells nothing."""
    counted = Counting(cheap_hasher())
    passwords = Passwords(counted)
    kept = await passwords.hash(PASSWORD)
    await passwords.check(None, "warm")

    costs = []
    for each in (kept, None, "no hash at all"):
        before = counted.verified
        await passwords.check(each, "wrong")
        costs.append(counted.verified - before)

    assert [1, 1, 1] == costs


class Counting:
    """A hasher that counts how often it was asked to verify."""

    def __init__(self, inner) -> None:
        self.inner, self.verified = inner, 0

    def verify(self, *given):
        self.verified += 1
        return self.inner.verify(*given)

    def __getattr__(self, name):
        return getattr(self.inner, name)


async def test_a_flood_of_passwords_is_turned_away():
    """Few are hashed at once, some wait, the rest are told to come again; the memory they take is bounded."""
    passwords = Passwords(cheap_hasher(), at_once=1)

    answers = await asyncio.gather(
        *(passwords.check(None, "x") for _ in range(MOST_WAITING + 5)), return_exceptions=True
    )

    assert 5 == sum(isinstance(each, Overloaded) for each in answers)


def test_a_keyboard_does_not_decide():
    """é typed as one character or as two is one password."""
    assert as_hashed("Pe\u0301rez") == as_hashed("P\u00e9rez")


@pytest.mark.parametrize("role", STAFF_ROLES)
async def test_a_password_alone_opens_nothing_whatever_the_role(door, db, role):
    """Who only reads, reads every customer's name: a telephone is added first."""
    member = await hire(db, role=role)

    assert (await flow.sign_in(door, member.email, PASSWORD, HERE)).held.awaits is Awaits.ENROLMENT


def test_the_settings_name_the_roles_of_people():
    """They are checked before anything of ours is loaded, so they have a list of their own."""
    assert NAMED_IN_SETTINGS == STAFF_ROLES


@given(text=st.text(), subject=st.text())
def test_what_is_sealed_opens_only_for_its_subject_and_purpose(text, subject):
    """With any key of ours, also after another one was put in front; never for somebody else."""
    text, subject = (each.encode("utf-8", "ignore").decode() for each in (text, subject))
    old = Seals(["k" * 32], "totp")
    new = Seals(["n" * 32, "k" * 32], "totp")
    sealed = old.seal(text, subject)

    assert text == new.open(sealed, subject)
    assert (True, False) == (old.is_current(sealed), new.is_current(sealed))
    for other, about in (
        (Seals(["k" * 32], "else"), subject),
        (Seals(["n" * 32], "totp"), subject),
        (old, subject + "x"),
    ):
        with pytest.raises(Unsealable):
            other.open(sealed, about)


@given(text=st.text())
def test_any_text_that_is_no_seal_is_refused(text):
    """Whatever a cookie holds."""
    seals = Seals(["k" * 32], "totp")

    for each in (text, f"v1.{seals.seal('', '').split('.')[1]}.{text}"):
        with pytest.raises(Unsealable):
            seals.open(each, "x")
