"""A customer's browser without a script: follows redirects by hand, keeps cookies by path, sends what a form holds."""

from typing import Any, Protocol, Self

import httpx

from tests.storefront.html import Page

NAMES = {"name": "Ana Pérez", "email": "ana@example.org"}


class Door(Protocol):
    """Where a visitor finds the store: a stage, or anything with a client that knows the address."""

    @property
    def client(self) -> httpx.AsyncClient: ...


class Visitor:
    def __init__(self, stage: Door, language: str = "en") -> None:
        self.stage = stage
        self.language = language
        self.client = httpx.AsyncClient(base_url=stage.client.base_url, timeout=20)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)

    async def page(self, path: str, status: int = 200) -> Page:
        answer = await self.get(path)
        assert status == answer.status_code, answer.text
        return Page(answer.text)

    async def post(self, path: str, **fields: Any) -> httpx.Response:
        """As a browser sends its own page's form."""
        origin = str(self.stage.client.base_url).rstrip("/")
        return await self.client.post(path, data=fields, headers={"Sec-Fetch-Site": "same-origin", "Origin": origin})

    async def choose(self, **quantities: int) -> httpx.Response:
        """Put numbers into the store's form; `full_pass=2`."""
        fields = {f"q.{slug.replace('_', '-')}": str(number) for slug, number in quantities.items()}
        return await self.post(f"/{self.language}/cart", **fields)

    async def check_out(self, **changes: str) -> httpx.Response:
        """Fill the checkout form in and send it."""
        path = f"/{self.language}/checkout"
        form = (await self.page(path)).form(path)
        return await self.post(path, **(form.fields | NAMES | changes))

    async def buy(self, **quantities: int) -> dict[str, Any]:
        """From the store to the gateway's page; what the stage needs to pay it."""
        await self.choose(**quantities)
        answer = await self.check_out()
        assert 303 == answer.status_code, answer.text
        return {"checkoutUrl": answer.headers["location"], "orderId": self.order_id}

    @property
    def order_id(self) -> str:
        """The order whose page this browser may see last."""
        paths = [cookie.path for cookie in self.client.cookies.jar if cookie.name == "cubano_order"]
        return max(path.rpartition("/")[2] for path in paths)

    async def order_page(self, status: int = 200) -> Page:
        return await self.page(f"/{self.language}/order/{self.order_id}", status)
