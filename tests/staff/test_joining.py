"""An account is ours or the issuer's, never both: what happens to a password when its person comes through the issuer."""

from dataclasses import replace

import pytest

from service.access.rules import Role
from service.kernel.errors import Unidentified
from service.oidc.rules import Identity, OidcRules, identity_of
from service.sessions.flow import find
from service.sessions.rules import Awaits
from service.signin import flow
from service.signin.rules import IssuerRefused, StartAgain, WrongPassword
from service.staff import flow as staff
from service.staff.rules import as_hashed, read_name
from tests.staff.people import BY, HERE, PASSWORD, cheap_hasher, code_at, hire

EMAIL = "ana@alocubano.example"


@pytest.fixture
async def linked(door, db):
    """Somebody who had a password, telephone and recovery codes of ours before she came through the issuer."""
    await hire(db, EMAIL, Role.FINANCE, seals=door.seals)
    half = await flow.sign_in(door, EMAIL, PASSWORD, HERE)
    who = Identity("https://issuer.example 1", EMAIL, email_verified=True, name="Ana", role=Role.FINANCE)
    return half, who, await flow.arrive(door, who, HERE)


async def test_who_comes_through_the_issuer_has_no_other_way_in(door, db, dial, linked):
    """Password, telephone and what was begun with them are worth nothing; the issuer's last word about the role is the last."""
    half, who, opened = linked

    for work in (
        flow.sign_in(door, who.email, PASSWORD, HERE),
        flow.give_code(door, half.token, code_at(dial.now), HERE),
        flow.choose_password(door, opened.token, PASSWORD, "fünf Hunde tanzen Salsa", HERE),
        flow.offer_secret(door, opened.token),
        flow.arrive(door, replace(who, role=None), HERE),
        flow.sign_in(door, who.email, PASSWORD, HERE),
    ):
        with pytest.raises((WrongPassword, Unidentified, StartAgain, IssuerRefused)):
            await work

    async with db.transaction() as session:
        member = await staff.lock(session, email=who.email)
        assert (None, None, 0) == (member.password_hash, member.totp_sealed, await staff.codes_left(session, member.id))
        with pytest.raises(Unidentified):
            await find(session, opened.token, door.rules)


@pytest.mark.parametrize("groups", [5, True, None, {"books": 1}, [["books"], 7], "", []])
def test_a_claim_that_names_no_role_is_none(groups):
    """Whatever the issuer says in it; a number is no fault of ours."""
    rules = OidcRules("https://i", "c", "s", "https://b", "groups", (("books", Role.FINANCE),))

    assert rules.role_of({"groups": groups}) is None
    assert Role.FINANCE == rules.role_of({"groups": ["x", "books"]}) == rules.role_of({"groups": "books"})


def test_a_name_of_the_issuers_is_made_fit():
    """Nobody is turned away because of a name that is long or odd."""
    rules = OidcRules("https://i", "c", "s", "https://b", "groups", ())
    names = ["Ana\x00\n" + "x" * 200, "\x00", None, 7]

    found = [identity_of({"sub": "1", "email": "a@b.test", "name": each}, rules).name for each in names]

    assert [("Ana  " + "x" * 95), "a", "a", "a"] == found
    assert [read_name(each) for each in found]


async def test_what_no_address_can_be_is_nobodys(door, db):
    """NUL in a form is a wrong password, not a failure, and no other spelling of an account."""
    await hire(db)

    for email in ("\x00", EMAIL + "\x00", "a" * 10_000):
        with pytest.raises(WrongPassword):
            await flow.sign_in(door, email, PASSWORD, HERE)


async def test_an_operator_takes_an_account_back_from_the_issuer(door, db, linked):
    """With a password of ours it is ours; through the issuer it comes back only with a role there, and loses the password."""
    _, who, _ = linked
    async with db.transaction() as session:
        hashed = cheap_hasher().hash(as_hashed(PASSWORD))
        await staff.set_password(session, BY, await staff.lock(session, email=who.email), hashed, temporary=True)

    again = await flow.sign_in(door, who.email, PASSWORD, HERE)
    with pytest.raises(IssuerRefused):
        await flow.arrive(door, replace(who, role=None), HERE)
    arrived = await flow.arrive(door, who, HERE)
    with pytest.raises(WrongPassword):
        await flow.sign_in(door, who.email, PASSWORD, HERE)

    assert (Awaits.ENROLMENT, None) == (again.held.awaits, arrived.held.awaits)
