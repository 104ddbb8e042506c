"""A customer in a browser: what they press, type and read, in the words of the page they have before them.

Pages are found and judged by the sentences of the translations, so that a test says `press("cart.go")` in both languages.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from urllib.parse import urlsplit

from playwright.async_api import Browser, Locator, Page, expect

from service.emulator.words import WORDS
from service.storefront.views import read_sentences
from tests.e2e.album import Album
from tests.e2e.local import Local
from tests.e2e.reading import read
from tests.e2e.watch import Watch

GOOD, DECLINED, NO_FUNDS, CHALLENGE = "4242424242424242", "4000000000000002", "4000000000009995", "4000002500003155"
BROWSER_LOCALES = {"en": "en-US", "es": "es-US"}
NUMBER = count(1)


@dataclass
class Customer:
    """One person with one browser profile."""

    local: Local
    page: Page
    watch: Watch
    language: str
    script: bool
    name: str = "Ana Pérez"
    email: str = field(default_factory=lambda: f"ana.{next(NUMBER)}@example.org")
    album: Album = field(default_factory=Album)

    @classmethod
    @asynccontextmanager
    async def enter(
        cls, browser: Browser, local: Local, *, language: str = "en", script: bool = True
    ) -> AsyncIterator["Customer"]:
        """Open the store in a new browser profile."""
        context = await browser.new_context(
            locale=BROWSER_LOCALES[language],
            java_script_enabled=script,
            viewport={"width": 412, "height": 900},
        )
        watch = Watch(context, local)
        customer = cls(local, await context.new_page(), watch, language, script)
        await customer.open("/")
        yield customer
        await context.close()

    # ---- anywhere ----------------------------------------------------------------------------------------------------

    async def open(self, path: str) -> None:
        await self.page.goto(self.local.store + path)

    def says(self, sentence: str) -> re.Pattern[str]:
        """The sentence of that name in this customer's language, with anything in its gaps."""
        return pattern(read_sentences(self.language)[sentence])

    async def press(self, sentence: str) -> None:
        """The button or link that begins with this sentence."""
        await self.thing(sentence).click()

    def thing(self, sentence: str) -> Locator:
        name = re.compile(f"^{self.says(sentence).pattern}")
        return self.page.get_by_role("button", name=name).or_(self.page.get_by_role("link", name=name))

    async def sees(self, *sentences: str) -> None:
        """Wait until each of these sentences is on the page."""
        for sentence in sentences:
            await expect(self.page.get_by_text(self.says(sentence)).first).to_be_visible()

    async def is_titled(self, sentence: str) -> None:
        """Wait until this is the page's headline."""
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(self.says(sentence))

    async def looks_at(self, name: str) -> None:
        """Photograph this page and read it closely; what stands in the way is told when the customer leaves."""
        await self.album.add(self.page, name)
        for each in await read(self.page, self.language):
            self.watch.note(f"{name}: {each}")

    async def mark(self) -> None:
        """Put a mark on this page; `is_marked` tells whether it was loaded again since."""
        await self.page.evaluate("window.marked = true")

    async def is_marked(self) -> bool:
        return await self.page.evaluate("window.marked === true")

    async def second_window(self) -> "Customer":
        """Another window of the same browser, on the same page."""
        page = await self.page.context.new_page()
        await page.goto(self.page.url)
        return replace(self, page=page)

    async def loses_the_net(self) -> None:
        await self.page.context.set_offline(True)
        self.watch.expects_failures()

    async def finds_the_net(self) -> None:
        await self.page.context.set_offline(False)

    # ---- the store ---------------------------------------------------------------------------------------------------

    async def choose(self, **wanted: int) -> None:
        """So many of each; `full_pass=2` is two of full-pass. Ends on the cart page."""
        for name, number in wanted.items():
            field_ = self.page.locator(f"#q-{name.replace('_', '-')}")
            if self.script:
                more = field_.locator("xpath=following-sibling::button")
                for _ in range(number):
                    await more.click()
            else:
                await field_.fill(str(number))
        await self.press("store.go")
        await self.is_titled("cart.title")

    async def fill_in(self) -> None:
        """From the cart to the checkout form, filled in."""
        await self.press("cart.go")
        await self.is_titled("checkout.title")
        await self.type_in()

    async def type_in(self) -> None:
        await self.page.get_by_label(self.says("checkout.name")).fill(self.name)
        await self.page.get_by_label(self.says("checkout.email")).fill(self.email)

    async def order(self, **wanted: int) -> None:
        """From the store to the gateway's page."""
        await self.choose(**(wanted or {"full_pass": 2}))
        await self.fill_in()
        await self.press("checkout.go")
        await self.is_at_gateway()

    @property
    def order_id(self) -> str:
        """The order of the page this customer is on."""
        return urlsplit(self.page.url).path.split("/")[3]

    async def has_tickets(self, number: int) -> list[str]:
        """Wait for the tickets with their QR codes; their codes."""
        await self.is_titled("order.paid.title")
        tickets = self.page.get_by_role("region", name=self.says("order.tickets")).get_by_role("listitem")
        await expect(tickets).to_have_count(number)
        await expect(tickets.get_by_role("img", name=self.says("ticket.qr")).locator("svg")).to_have_count(number)
        return [(await each.inner_text()).split()[-1] for each in await tickets.locator(".code").all()]

    async def reads_mail(self, number: int, codes: list[str]) -> None:
        """The mail on the page of the sink, as HTML; each of these codes stands in it."""
        self.watch.allows(self.local.mails)
        await self.page.goto(f"{self.local.mails}/messages/{number}?view=html")
        sheet = self.page.frame_locator("iframe")
        for code in codes:
            await expect(sheet.get_by_text(code)).to_be_visible()
        await self.page.goto(f"{self.local.mails}/messages/{number}/html")
        await self.album.add(self.page, f"mail-{self.language}")

    # ---- the gateway's page ------------------------------------------------------------------------------------------

    def gateway_says(self, word: str) -> re.Pattern[str]:
        return pattern(WORDS[self.language][word])

    async def is_at_gateway(self) -> None:
        await self.page.wait_for_url(f"{self.local.gateway}/**")
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(self.gateway_says("pay_to"))

    async def pay(self, card: str = GOOD) -> None:
        """Type a card into the gateway's form and send it."""
        form = self.page.locator("form").filter(has=self.page.get_by_label(self.gateway_says("number")))
        typed = {"number": card, "expiry": "12 / 34", "cvc": "123", "name": self.name}
        for word, value in typed.items():
            await form.get_by_label(self.gateway_says(word)).fill(value)
        await form.get_by_role("button").click()

    async def is_told(self, words: str) -> None:
        """Wait until the gateway's page alerts with these words."""
        await expect(self.page.get_by_role("alert")).to_contain_text(words)

    async def pay_by_bank(self) -> None:
        """Open the gateway's form for a bank account, and send it."""
        await self.page.get_by_text(self.gateway_says("bank"), exact=True).click()
        form = self.page.locator("form").filter(has=self.page.get_by_label(self.gateway_says("account")))
        await form.get_by_label(self.gateway_says("holder")).fill(self.name)
        await form.get_by_role("button").click()

    async def answer_challenge(self, *, passed: bool) -> None:
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(self.gateway_says("challenge_title"))
        await self.page.get_by_role("button", name=self.gateway_says("complete" if passed else "fail")).click()

    async def leave_gateway(self) -> None:
        """Back to the shop without paying; ends on the order page."""
        await self.page.get_by_role("link", name=self.gateway_says("back")).click()
        await self.page.wait_for_url(f"{self.local.store}/{self.language}/order/*")


def pattern(words: str) -> re.Pattern[str]:
    """A sentence as a pattern: what stands in braces may be anything."""
    return re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(words)))
