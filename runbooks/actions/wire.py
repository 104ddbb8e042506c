"""One peer over HTTP: bounded in time and size, and every way it can fail is one of the registry's two errors.

A server's fault or silence is `UnreachableError` (nobody knows what was done), its no is `RefusedError`. Redirects are not
followed, proxies of the environment not asked, and what a peer said is quoted only as far as a person needs it.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from runbooks.engine.registry import RefusedError, UnreachableError

MOST_BYTES = 4_000_000  # of an answer
MOST_QUOTED = 300  # characters of what a peer said
TIMEOUT_S = 4.0
_REDIRECTED, _BAD, _FAULT = 300, 400, 500


@dataclass(frozen=True)
class Answer:
    """What came back; `seconds` until the last byte."""

    status: int
    body: bytes
    seconds: float

    @property
    def ok(self) -> bool:
        return self.status < _BAD

    def read(self, who: str) -> Any:
        """The body as JSON; what is no JSON is no answer."""
        try:
            return json.loads(self.body or b"null")
        except ValueError as error:
            raise UnreachableError(f"{who} answered {self.status} with something that is no JSON") from error


class Wire:
    """A peer called `who`; without an address every question is unanswered."""

    def __init__(self, who: str, base_url: str, *, bearer: str = "") -> None:
        self.who = who
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        agent = {"User-Agent": "cubano-respond"}
        self._client = (
            httpx.AsyncClient(base_url=base_url, headers=headers | agent, trust_env=False, follow_redirects=False)
            if base_url
            else None
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def send(self, method: str, path: str, *, timeout_s: float = TIMEOUT_S, **how: Any) -> Answer:
        """Whatever it answers, errors too; `UnreachableError` when it does not, not in time, or without end."""
        if self._client is None:
            raise UnreachableError(f"no address of {self.who} is set")
        started = time.perf_counter()
        try:
            async with asyncio.timeout(timeout_s), self._client.stream(method, path, timeout=timeout_s, **how) as found:
                body = await self._read(found)
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise UnreachableError(f"{self.who} does not answer: {type(error).__name__}") from error
        except TimeoutError as error:
            raise UnreachableError(f"{self.who} did not answer within {timeout_s:g} s") from error
        return Answer(found.status_code, body, time.perf_counter() - started)

    async def ask(self, method: str, path: str, *, timeout_s: float = TIMEOUT_S, **how: Any) -> Any:
        """The JSON of a good answer; `RefusedError` quotes why it said no."""
        return self.good(await self.send(method, path, timeout_s=timeout_s, **how))

    def good(self, answer: Answer) -> Any:
        """The JSON of an answer that is a good one."""
        if answer.status >= _FAULT:
            raise UnreachableError(f"{self.who} answered {answer.status}: {_told(answer)}")
        if _REDIRECTED <= answer.status < _BAD:
            raise UnreachableError(f"{self.who} is not there: the address leads elsewhere ({answer.status})")
        if not answer.ok:
            raise RefusedError(f"{self.who} refused ({answer.status}): {_told(answer)}")
        return answer.read(self.who)

    async def _read(self, found: httpx.Response) -> bytes:
        body = bytearray()
        async for piece in found.aiter_bytes():
            body += piece
            if len(body) > MOST_BYTES:
                raise UnreachableError(f"{self.who} answered more than {MOST_BYTES:,} bytes")
        return bytes(body)


def _told(answer: Answer) -> str:
    """Why, in the words of a problem, of Prometheus, or of Alertmanager."""
    try:
        said = json.loads(answer.body or b"null")
    except ValueError:
        said = None
    if isinstance(said, Mapping):
        words = [str(said[name]) for name in ("code", "detail", "errorType", "error", "message") if said.get(name)]
        fields: Any = said.get("errors")
        words += [f"{each.get('field')}: {each.get('message')}" for each in fields[:3]] if _is_list(fields) else []
        said = ": ".join(words)
    return str(said or "no reason given")[:MOST_QUOTED]


def _is_list(fields: Any) -> bool:
    return isinstance(fields, list) and all(isinstance(each, Mapping) for each in fields)
