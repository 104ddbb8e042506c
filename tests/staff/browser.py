"""What a browser does with the staff's pages, without one: keeps cookies, says where a form comes from, reads the page."""

import re
from typing import Any

import httpx

FIELD = re.compile(r'name="csrf" value="([^"]+)"')


class Browser:
    """A person's browser at one site; `origin` is where its forms say they come from."""

    def __init__(self, client: httpx.AsyncClient, origin: str) -> None:
        self.client = client
        self.origin = origin

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    async def csrf(self, path: str) -> str:
        return FIELD.search((await self.get(path)).text)[1]

    async def post(self, path: str, page: str | None = None, **fields: Any) -> httpx.Response:
        """Send a form; with the token of the page it stands on."""
        token = {"csrf": await self.csrf(page)} if page else {}
        return await self.client.post(path, data=token | fields, headers={"Origin": self.origin})

    async def sign_in(self, email: str, password: str, code: str | None = None) -> httpx.Response:
        answer = await self.post("/staff/sign-in", email=email, password=password)
        return answer if code is None else await self.post("/staff/code", "/staff/code", code=code)
