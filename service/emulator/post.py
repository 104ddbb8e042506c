"""POST over kept connections, as few instructions as can be: in a load test five webhooks follow each payment.

A general HTTP client costs a core what this sends for a tenth of it. It does one thing: a body to an address, and back
come the status and the first bytes of the answer. No redirects, no cookies, no proxies; what goes wrong is a `PostError`
named as HTTP clients name it.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import cast
from urllib.parse import urlsplit

import httptools

KEPT_BODY = 2048  # bytes of an answer that are looked at
MAX_IDLE = 64  # connections kept for each address

Address = tuple[str, int, bool]  # host, port, encrypted


class PostError(Exception):
    """ConnectError, ReadError or ReadTimeout; the message is one of these."""


class _Line(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self.fresh = True  # nothing was ever answered on it
        self.usable = True
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._framed = False
        self._until_close = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class stands in no tree

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        self._answer = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        if self._transport is not None:
            self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail()
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.usable = False
        if self._until_close and error is None:
            self._tell(self._parser.get_status_code())
        self._fail()

    def on_message_begin(self) -> None:
        self._framed = self._until_close = False

    def on_header(self, name: bytes, _: bytes) -> None:
        self._framed = self._framed or name.lower() in {b"content-length", b"transfer-encoding"}

    def on_headers_complete(self) -> None:
        self._until_close = not self._framed

    def on_body(self, body: bytes) -> None:
        if len(self._body) < KEPT_BODY:
            self._body += body

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:  # noqa: PLR2004 - an interim answer; the real one follows
            return
        self.fresh = False
        self.usable = self._parser.should_keep_alive()
        self._tell(status)

    def _tell(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((status, self._body[:KEPT_BODY]))

    def _fail(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(PostError("ReadError"))


class Poster:
    """Keeps connections by address."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._idle: dict[Address, list[_Line]] = defaultdict(list)

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Status and the beginning of the answer; raises `PostError`."""
        address, request = _request(url, headers, body)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._asked(address, request)
        except TimeoutError:
            raise PostError("ReadTimeout") from None

    def close(self) -> None:
        for lines in self._idle.values():
            for line in lines:
                line.close()
        self._idle.clear()

    async def _asked(self, address: Address, request: bytes) -> tuple[int, bytes]:
        while True:
            line = self._kept(address) or await _connected(address)
            stale = not line.fresh
            try:
                answer = await line.ask(request)
            except PostError:
                if stale:  # the other side had closed a kept connection: that says nothing about this request
                    continue
                raise
            except asyncio.CancelledError:
                line.close()
                raise
            self._keep(address, line)
            return answer

    def _kept(self, address: Address) -> _Line | None:
        lines = self._idle[address]
        while lines:
            line = lines.pop()
            if line.usable:
                return line
        return None

    def _keep(self, address: Address, line: _Line) -> None:
        lines = self._idle[address]
        if line.usable and len(lines) < MAX_IDLE:
            lines.append(line)
        else:
            line.close()


async def _connected(address: Address) -> _Line:
    host, port, encrypted = address
    with suppress(OSError):
        _, line = await asyncio.get_running_loop().create_connection(_Line, host, port, ssl=encrypted or None)
        return line
    raise PostError("ConnectError")


def _request(url: str, headers: dict[str, str], body: bytes) -> tuple[Address, bytes]:
    try:
        parts = urlsplit(url)
        encrypted = parts.scheme == "https"
        address = (parts.hostname or "", parts.port or (443 if encrypted else 80), encrypted)
    except ValueError:
        raise PostError("ConnectError") from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"POST {target} HTTP/1.1", f"host: {parts.netloc}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return address, "\r\n".join(lines).encode() + b"\r\n\r\n" + body
