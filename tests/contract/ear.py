"""A door that hears events and keeps them as they came."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.contract.stand import Delivery


@dataclass
class Ear:
    """Listens on a free port of its own; answers 200 to everything."""

    heard: list[Delivery] = field(default_factory=list)
    url: str = ""
    _server: asyncio.Server | None = None
    _talks: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for each in self._talks:
            each.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        try:
            while True:
                headers = _headers((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
                self.heard.append(Delivery(await reader.readexactly(int(headers["content-length"])), headers))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            self._talks.discard(task)
            writer.close()


def _headers(head: str) -> Mapping[str, str]:
    lines = [line.partition(": ") for line in head.split("\r\n")[1:] if line]
    return {name.lower(): value for name, _, value in lines}
