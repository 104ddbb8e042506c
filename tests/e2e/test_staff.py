"""People of the festival in a browser: in with password and telephone, home, out; and the first time with all its steps."""

import asyncio
import json
from asyncio.subprocess import PIPE

import pyotp
import pytest
from playwright.async_api import expect

from tests.e2e.customer import Customer
from tests.e2e.local import Local
from tests.local.running import CUBANO

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("e2e")]

CHOSEN = "vier Pferde tanzen Rueda"


async def fill(person: Customer, **fields: str) -> None:
    """Type into the fields of the form, and send it."""
    for name, text in fields.items():
        await person.page.fill(f"#{name}", text)
    await person.page.keyboard.press("Enter")


async def is_titled(person: Customer, title: str) -> None:
    await expect(person.page.locator("h1")).to_have_text(title)


async def test_somebody_of_cubano_up_signs_in_and_out(visit, system: Local):
    """With what it prints; a typing error is said above the form; after signing out the way back shows nothing."""
    login = next(each for each in system.running.found["staff"] if each["role"] == "finance")
    person = await visit(script=False)
    person.watch.expects(401)
    await person.open("/staff")
    await person.looks_at("staff-sign-in")
    await fill(person, email=login["email"], password="not that one")
    await expect(person.page.get_by_role("alert")).to_contain_text("do not belong together")
    await person.looks_at("staff-sign-in-wrong")
    await fill(person, password=login["password"])
    await is_titled(person, "Your code")
    await person.looks_at("staff-code")
    await fill(person, code=pyotp.TOTP(login["totpSecret"]).now())
    await is_titled(person, "Finance Person")
    await person.looks_at("staff-home")

    await person.page.get_by_role("button", name="Sign out").click()
    await is_titled(person, "Sign in")
    await person.page.go_back()
    await is_titled(person, "Sign in")

    assert [] == person.watch.complaints()


async def test_the_first_time_takes_a_telephone_and_a_password(visit, system: Local):
    """From what an operator hands over to the own home page, and another session that is ended from there."""
    words = ("access", "staff", "add", "nora@alocubano.example", "--name", "Nora Díaz", "--role", "on_call", "--json")
    made = await asyncio.create_subprocess_exec(str(CUBANO), *words, env=system.environment, stdout=PIPE)
    given = json.loads((await made.communicate())[0])["password"]
    person, other = await visit(), await visit()
    person.watch.expects(400)
    await person.open("/staff")
    await fill(person, email="nora@alocubano.example", password=given)
    await is_titled(person, "Add your telephone")
    await person.looks_at("staff-enrol")
    secret = await person.page.locator(".secret").inner_text()
    await fill(person, code=pyotp.TOTP(secret).now())
    await is_titled(person, "Keep these codes")
    await person.looks_at("staff-codes")
    codes = await person.page.locator(".codes li").all_inner_texts()
    await person.page.get_by_role("link", name="I have them").click()
    await is_titled(person, "Choose your password")
    await fill(person, old=given, new="too short", again="too short")
    await expect(person.page.get_by_role("alert")).to_contain_text("12 characters or more")
    await person.looks_at("staff-password")
    await fill(person, old=given, new=CHOSEN, again=CHOSEN)
    await is_titled(person, "Nora Díaz")

    await other.open("/staff")
    await fill(other, email="nora@alocubano.example", password=CHOSEN)
    await other.page.get_by_role("link", name="recovery code").click()
    await other.looks_at("staff-recovery")
    await fill(other, code=codes[0])
    await is_titled(other, "Nora Díaz")
    await person.open("/staff")
    await person.looks_at("staff-home-two")
    await person.page.get_by_role("button", name="End this one").click()
    await expect(person.page.get_by_role("status")).to_contain_text("ended")
    await other.open("/staff")
    await is_titled(other, "Sign in")

    assert [] == [*person.watch.complaints(), *other.watch.complaints()]
