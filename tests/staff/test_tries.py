"""Failed tries: how many are free, how locks grow, and that none of it tells who exists."""

import asyncio
from dataclasses import replace

import pytest

from service.audit.rules import Origin
from service.signin import flow
from service.signin.rules import WrongCode, WrongPassword
from service.telemetry.labels import SignInOutcome
from service.tries.flow import forgive
from service.tries.rules import TooManyTries, account_key, address_key, code_key, in_words, lock_after
from tests.staff.people import HERE, PASSWORD, code_at, hire

EMAIL = "ana@alocubano.example"


async def trail(db):
    async with db.engine.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT action, subject, after FROM audit_trail ORDER BY seq")
        return [tuple(row) for row in rows]


@pytest.mark.parametrize("known", [True, False])
async def test_who_guesses_waits_longer_each_time_whether_the_account_exists_or_not(door, db, dial, known):
    """Five are free; then half a minute, a minute, two: told with the time to wait, and not even looked at meanwhile."""
    if known:
        await hire(db)
    waits = []
    for _ in range(5):
        with pytest.raises(WrongPassword):
            await flow.sign_in(door, EMAIL, "wrong", HERE)
    for _ in range(3):
        with pytest.raises(TooManyTries) as locked:
            await flow.sign_in(door, EMAIL, PASSWORD, replace(HERE, ip="198.51.100.77"))
        waits.append(locked.value.retry_after_s)
        dial.forward(seconds=locked.value.retry_after_s)
        with pytest.raises(WrongPassword):
            await flow.sign_in(door, EMAIL, "wrong", HERE)

    assert [31, 61, 121] == waits
    assert known is any(action == "staff.sign_in_failed" for action, _, _ in await trail(db))
    assert "ana@" not in str(await trail(db))


async def test_who_guesses_elsewhere_locks_nobody_out_at_their_own_desk(door, db, dial):
    """Where somebody has been in with every factor before, their tries are counted apart; few are free there, too."""
    await hire(db, seals=door.seals)
    entered = await flow.give_code(
        door, (await flow.sign_in(door, EMAIL, PASSWORD, HERE)).token, code_at(dial.now), HERE
    )
    elsewhere, beside = Origin("198.51.100.7"), Origin("2001:db8::1")
    half = await flow.sign_in(door, EMAIL, PASSWORD, beside)  # the password alone makes no place known
    for _ in range(5):
        with pytest.raises(WrongPassword):
            await flow.sign_in(door, EMAIL, "wrong", elsewhere)

    for origin in (elsewhere, beside):
        with pytest.raises(TooManyTries):
            await flow.sign_in(door, EMAIL, PASSWORD, origin)
    at_the_desk = await flow.sign_in(door, EMAIL, PASSWORD, HERE)
    changed = await flow.choose_password(door, entered.token, PASSWORD, "fünf Hunde tanzen Salsa", HERE)
    for _ in range(5):
        with pytest.raises(WrongPassword):
            await flow.sign_in(door, EMAIL, "wrong", HERE)
    with pytest.raises(TooManyTries):
        await flow.sign_in(door, EMAIL, PASSWORD, HERE)
    async with db.transaction() as session:
        await forgive(session, account_key(door.secret, EMAIL))
    forgiven = await flow.sign_in(door, EMAIL, "fünf Hunde tanzen Salsa", HERE)

    assert changed.held.awaits is None
    assert all(each.held.awaits == "code" for each in (half, at_the_desk, forgiven))


async def test_an_address_that_tries_many_accounts_is_locked_too(door, db, dial):
    """Twenty are free for everybody behind it; another address is not held up."""
    await hire(db)
    for number in range(20):
        with pytest.raises(WrongPassword):
            await flow.sign_in(door, f"nobody{number}@alocubano.example", "wrong", HERE)

    with pytest.raises(TooManyTries):
        await flow.sign_in(door, EMAIL, PASSWORD, HERE)
    elsewhere = await flow.sign_in(door, EMAIL, PASSWORD, Origin("198.51.100.7"))

    assert elsewhere.held.awaits == "enrolment"
    assert ("staff.sign_in_failed", "address:203.0.113.9") in [row[:2] for row in await trail(db)]


async def test_a_hundred_guesses_at_once_are_no_more_than_are_free(door, db):
    """Each is counted before it is looked at."""
    await hire(db)

    answers = await asyncio.gather(
        *(flow.sign_in(door, EMAIL, "wrong", HERE) for _ in range(12)), return_exceptions=True
    )

    assert {WrongPassword: 5, TooManyTries: 7} == {
        kind: sum(type(each) is kind for each in answers) for kind in (WrongPassword, TooManyTries)
    }


async def test_codes_are_guessed_no_more_often_than_passwords(door, db, dial):
    """A right password in between does not begin the count anew; an operator may."""
    member = await hire(db, seals=door.seals)
    for _ in range(5):
        first = await flow.sign_in(door, EMAIL, PASSWORD, HERE)
        with pytest.raises(WrongCode):
            await flow.give_code(door, first.token, "123456", HERE)

    first = await flow.sign_in(door, EMAIL, PASSWORD, HERE)
    with pytest.raises(TooManyTries):
        await flow.give_code(door, first.token, code_at(dial.now), HERE)
    async with db.transaction() as session:
        await forgive(session, code_key(member.id))
    entered = await flow.give_code(door, first.token, code_at(dial.now), HERE)

    assert entered.held.awaits is None


async def test_right_tries_are_given_back(door, db, dial):
    """Somebody who signs in all day locks nobody out."""
    await hire(db)

    for _ in range(30):
        await flow.sign_in(door, EMAIL, PASSWORD, HERE)

    async with db.engine.connect() as connection:
        left = (await connection.exec_driver_sql("SELECT failed FROM sign_in_tries")).all()
    assert [(0,)] == [tuple(row) for row in left]


def test_locks_grow_to_a_quarter_of_an_hour():
    """And are told in words a person counts in."""
    assert [None, None, 30, 60, 120, 240, 480, 900, 900] == [
        span and int(span.total_seconds())
        for span in (lock_after(failed, 5) for failed in (0, 4, 5, 6, 7, 8, 9, 10, 999))
    ]
    assert ["1 second", "31 seconds", "2 minutes", "15 minutes"] == [in_words(each) for each in (1, 31, 120, 900)]
    assert "address:2001:db8:1:2::/64" == address_key("2001:db8:1:2:3:4:5:6")
    assert {each.value for each in SignInOutcome} >= {"signed_in", "locked"}
