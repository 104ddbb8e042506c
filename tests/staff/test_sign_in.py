"""The steps of a sign-in on a database, with a clock turned by hand: who gets in, who does not, and what ends it."""

import asyncio
from dataclasses import replace

import pytest

from service.access.rules import Role
from service.audit.flow import verify
from service.kernel.errors import Conflict, Invalid, Unidentified
from service.sessions.flow import end, find, forget_old, go_on, of_member
from service.sessions.rules import Awaits
from service.signin import flow
from service.signin.rules import StartAgain, WrongCode, WrongPassword
from service.staff import flow as staff
from service.staff.flow import Passwords
from service.tries.flow import forget_old as forget_tries
from tests.staff.people import BY, HERE, KEY, PASSWORD, SECRET, cheap_hasher, code_at, door_of, hire

EMAIL = "ana@alocubano.example"


async def enter(door, dial, *, origin=HERE):
    """All steps of somebody with a second factor; the clock goes on, because a code is good once."""
    dial.forward(seconds=60)
    first = await flow.sign_in(door, EMAIL, PASSWORD, origin)
    return await flow.give_code(door, first.token, code_at(dial.now), origin)


async def held_by(door, token):
    async with door.db.transaction() as session:
        return await find(session, token, door.rules)


async def refusal(door, token):
    try:
        await held_by(door, token)
    except Unidentified as error:
        return error.reason
    return None


async def change(door, work):
    """Something an operator does to Ana."""
    async with door.db.transaction() as session:
        member = await staff.lock(session, email=EMAIL)
        return await work(session, member)


async def trail(db):
    async with db.engine.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT action, subject, after FROM audit_trail ORDER BY seq")
        return [tuple(row) for row in rows]


async def test_password_and_code_open_a_session_with_a_new_id_at_each_step(door, db, dial):
    """Nobody who planted or saw an earlier cookie has anything; before the last step nothing is open."""
    await hire(db, seals=door.seals)

    first = await flow.sign_in(door, EMAIL, PASSWORD, HERE)
    half = (await held_by(door, first.token)).awaits
    second = await flow.give_code(door, first.token, code_at(dial.now), HERE)
    held = await held_by(door, second.token)

    assert (Awaits.CODE, None) == (half, held.awaits)
    assert first.token != second.token
    assert "unknown" == await refusal(door, first.token)
    assert held.session.csrf == second.held.session.csrf
    assert ["staff.add", "staff.totp_enrol", "staff.sign_in"] == [action for action, _, _ in await trail(db)]


async def test_the_first_sign_in_enrols_a_telephone_and_chooses_a_password(door, db, dial):
    """The secret is this session's own; a wrong code changes nothing; the codes on paper are told once."""
    await hire(db, temporary=True)
    first = await flow.sign_in(door, EMAIL, PASSWORD, HERE)
    _, secret = await flow.offer_secret(door, first.token)
    other = await flow.sign_in(door, EMAIL, PASSWORD, HERE)

    with pytest.raises(WrongCode):
        await flow.confirm_secret(door, first.token, "000000", HERE)
    second, codes = await flow.confirm_secret(door, first.token, code_at(dial.now, secret), HERE)
    third = await flow.choose_password(door, second.token, PASSWORD, "fünf Hunde tanzen Salsa", HERE)

    assert third.held.awaits is None
    assert (10, 10) == (len(codes), len(set(codes)))
    assert {secret, *codes}.isdisjoint(str(await trail(db)).split('"'))
    assert (await flow.sign_in(door, EMAIL, "fünf Hunde tanzen Salsa", HERE)).held.awaits is Awaits.CODE
    with pytest.raises(Unidentified):  # whoever began beside it, with the password only
        await flow.offer_secret(door, other.token)


async def test_a_code_is_good_once_and_a_step_to_either_side(door, db, dial):
    """The same again is refused even within its half minute, and one from before the last, too."""
    await hire(db, seals=door.seals)
    outcomes = []
    for skew in (0, 0, -1, 1, 2, -2):
        first = await flow.sign_in(door, EMAIL, PASSWORD, HERE)
        code = code_at(dial.now.timestamp() + 30 * skew)
        try:
            await flow.give_code(door, first.token, code, HERE)
            outcomes.append("in")
        except WrongCode as error:
            outcomes.append("replayed" if error.replayed else "wrong")

    assert ["in", "replayed", "replayed", "in", "wrong", "wrong"] == outcomes


async def test_two_who_bring_the_same_code_at_once_are_one(door, db, dial):
    """Whoever saw it over a shoulder is too late, however fast."""
    await hire(db, seals=door.seals)
    firsts = [await flow.sign_in(door, EMAIL, PASSWORD, HERE) for _ in range(3)]

    answers = await asyncio.gather(
        *(flow.give_code(door, each.token, code_at(dial.now), HERE) for each in firsts), return_exceptions=True
    )

    assert 2 == sum(isinstance(each, WrongCode) for each in answers)


async def test_a_recovery_code_opens_once(door, db, dial):
    """However it is typed; the others stay good."""
    member = await hire(db)
    sealed = door.seals.seal(SECRET, member.id)
    codes = await change(door, lambda session, ana: staff.enrol(session, BY, ana, sealed=sealed, step=None))

    first = await flow.sign_in(door, EMAIL, PASSWORD, HERE)
    await flow.give_code(door, first.token, codes[0].lower().replace("-", " "), HERE)
    again = await flow.sign_in(door, EMAIL, PASSWORD, HERE)
    with pytest.raises(WrongCode):
        await flow.give_code(door, again.token, codes[0], HERE)
    await flow.give_code(door, again.token, codes[1], HERE)

    async with db.transaction() as session:
        assert 8 == await staff.codes_left(session, member.id)
    assert 2 == sum(action == "staff.recovery_code" for action, _, _ in await trail(db))


async def test_a_sealed_secret_outlives_its_key(db, dial):
    """A new service key is put in front; the next sign-in seals anew, and the old key may go."""
    old, both, new = (door_of(db, keys=keys) for keys in ((KEY,), ("n" * 32, KEY), ("n" * 32,)))
    await hire(db, seals=old.seals)

    await enter(both, dial)
    entered = await enter(new, dial)

    assert entered.held.awaits is None


async def test_a_session_ends_when_nobody_uses_it_and_at_its_end(door, db, dial):
    """Thirty minutes idle; twelve hours whatever happens; a half-done sign-in after ten minutes."""
    await hire(db, seals=door.seals)
    idle, used = await enter(door, dial), await enter(door, dial)
    half = await flow.sign_in(door, EMAIL, PASSWORD, HERE)

    for _ in range(4):
        dial.forward(minutes=9)
        await held_by(door, used.token)
    states = [await refusal(door, each.token) for each in (idle, used, half)]
    while await refusal(door, used.token) is None:
        dial.forward(minutes=10)
    lasted = dial.now - used.held.session.created_at

    assert ["expired", None, "expired"] == states
    assert 12 * 3600 <= lasted.total_seconds() <= 12 * 3600 + 660


async def test_a_page_that_is_asked_for_while_the_session_goes_on_is_nobodys(door, db, dial):
    """The browser's two requests cross: the slower one has the old id, and is told to sign in again instead of a fault."""
    await hire(db, seals=door.seals)
    opened = await enter(door, dial)
    dial.forward(minutes=2)  # so that it is written down that the session was seen

    async with db.transaction() as session:
        await go_on(session, await find(session, opened.token, door.rules, locked=True), awaits=None, rules=door.rules)
        slower = asyncio.create_task(refusal(door, opened.token))
        await until_someone_waits(db)

    assert "unknown" == await slower


async def until_someone_waits(db):
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with db.engine.connect() as connection:
        while not (await connection.exec_driver_sql(waits)).scalar_one():
            await connection.rollback()
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "what",
    [
        lambda session, member: staff.set_enabled(session, BY, member, enabled=False),
        lambda session, member: staff.set_role(session, BY, member, Role.ADMIN),
        lambda session, member: staff.set_password(session, BY, member, "another", temporary=True),
        lambda session, member: staff.reset_second_factor(session, BY, member),
        lambda session, member: staff.end_sessions(session, BY, member),
        lambda session, member: end(session, BY, member),
    ],
)
async def test_what_changes_a_person_ends_their_sessions_at_once(door, db, dial, what):
    """Disabled, another role, another password, no second factor, or simply ended; half-done ones, too."""
    await hire(db, seals=door.seals)
    opened = await enter(door, dial)
    half = await flow.sign_in(door, EMAIL, PASSWORD, HERE)

    await change(door, what)

    assert ["revoked", "revoked"] == [await refusal(door, each.token) for each in (opened, half)]


async def test_somebody_disabled_is_told_nothing(door, db, dial):
    """The right password is as wrong as any other; enabled again it is right."""
    await hire(db)
    await change(door, lambda session, member: staff.set_enabled(session, BY, member, enabled=False))

    with pytest.raises(WrongPassword):
        await flow.sign_in(door, EMAIL, PASSWORD, HERE)
    await change(door, lambda session, member: staff.set_enabled(session, BY, member, enabled=True))

    assert (await flow.sign_in(door, EMAIL, PASSWORD, HERE)).held.awaits is Awaits.ENROLMENT


async def test_another_password_ends_all_sessions_but_the_one_that_chose_it(door, db, dial):
    """That one goes on under another id, and lives no longer than it would have."""
    member = await hire(db, seals=door.seals)
    here, there = await enter(door, dial), await enter(door, dial)
    dial.forward(minutes=5)

    for new, error in (("short", Invalid), (PASSWORD, Invalid)):
        with pytest.raises(error):
            await flow.choose_password(door, here.token, PASSWORD, new, HERE)
    with pytest.raises(WrongPassword):
        await flow.choose_password(door, here.token, "wrong", "fünf Hunde tanzen Salsa", HERE)
    fresh = await flow.choose_password(door, here.token, PASSWORD, "fünf Hunde tanzen Salsa", HERE)

    assert ["unknown", "revoked", None] == [await refusal(door, each.token) for each in (here, there, fresh)]
    assert here.held.session.ends_at == fresh.held.session.ends_at
    async with db.transaction() as session:
        member = await staff.lock(session, member_id=member.id)
        assert [fresh.held.session.ref] == [each.ref for each in await of_member(session, member, door.rules)]


async def test_steps_cannot_be_skipped_or_taken_twice(door, db, dial):
    """A half-open session does only what it awaits; an open one enrols no second telephone."""
    await hire(db, seals=door.seals)
    half, whole = await flow.sign_in(door, EMAIL, PASSWORD, HERE), await enter(door, dial)

    for work in (
        flow.offer_secret(door, half.token),
        flow.choose_password(door, half.token, PASSWORD, "fünf Hunde tanzen Salsa", HERE),
        flow.give_code(door, whole.token, code_at(dial.now), HERE),
        flow.offer_secret(door, whole.token),
    ):
        with pytest.raises(StartAgain):
            await work

    assert await refusal(door, whole.token) is None


async def test_a_cheaper_hash_is_replaced_when_the_password_is_shown(db, dial):
    """Parameters grow with machines; people need not notice."""
    weak = door_of(db)
    strong = replace(weak, passwords=Passwords(cheap_hasher(time_cost=2)))
    member = await hire(db)

    await flow.sign_in(strong, EMAIL, PASSWORD, HERE)

    async with db.transaction() as session:
        assert "t=2" in str((await staff.lock(session, member_id=member.id)).password_hash)


async def test_an_address_belongs_to_one_person_and_partners_do_not_sign_in(db):
    """However it is spelled; and customers and partners have other ways."""
    await hire(db)

    with pytest.raises(Conflict):
        await hire(db, "ANA@alocubano.example")
    for email, role in (("no address", Role.SUPPORT), ("p@alocubano.example", Role.PARTNER)):
        with pytest.raises(Invalid):
            await hire(db, email, role)


async def test_what_is_over_is_forgotten(door, db, dial):
    """Tries after a day, sessions after a month."""
    await hire(db, seals=door.seals)
    await enter(door, dial)
    with pytest.raises(WrongPassword):
        await flow.sign_in(door, "x@y.example", "wrong", HERE)
    dial.forward(days=31)

    async with db.transaction() as session:
        counts = await forget_tries(session), await forget_old(session)
        assert (await verify(session)).broken is None

    assert (2, 1) == counts
