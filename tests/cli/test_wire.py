"""Answers leave whole and in order, whatever the application writes and however the connection ends."""

import asyncio
import socket

import pytest
import uvicorn

from service.cli.wire import Joined, OneWriteProtocol

MUCH = b"x" * 5_000_000  # more than any socket buffer takes at once


async def answer(scope, receive, send):
    """`/small` in one part, `/parts` in three with pauses, `/much` in one large part."""
    parts = {"/small": [b"small"], "/parts": [b"one,", b"two,", b"three"], "/much": [MUCH]}[scope["path"]]
    length = sum(len(part) for part in parts)
    head = [(b"content-length", str(length).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
        await asyncio.sleep(0.001)
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def port():
    """A server of that application."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(answer, http=OneWriteProtocol, ws="none", lifespan="off", log_config=None, loop="uvloop")
    )
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - the server has no event to wait for
        await asyncio.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    await running


async def ask(port, path, *headers):
    """Everything the server sends until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join([f"GET {path} HTTP/1.1", "Host: test", *headers, "", ""]).encode())
    received = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    return received


@pytest.mark.parametrize(("path", "body"), [("/small", b"small"), ("/parts", b"one,two,three"), ("/much", MUCH)])
async def test_an_answer_arrives_whole_before_its_connection_closes(port, path, body):
    """The head, then every part in order, then the end."""
    head, _, received = (await ask(port, path, "Connection: close")).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == received


async def test_answers_on_one_connection_stay_in_order(port):
    """Two requests sent at once are answered one after the other."""
    received = await ask(port, "/parts", "", "GET /small HTTP/1.1", "Host: test", "Connection: close")

    assert 2 == received.count(b"HTTP/1.1 200 OK")
    assert received.index(b"one,two,three") < received.index(b"small")


class Recorded(asyncio.Transport):
    """A transport that notes what it is told."""

    def __init__(self):
        self.told = []

    def write(self, data):
        self.told.append(data)

    def is_closing(self):
        return "close" in self.told

    def close(self):
        self.told.append("close")


async def test_what_is_written_in_one_turn_leaves_in_one_write():
    """Nothing leaves at once, and everything together a moment later."""
    transport = Recorded()
    joined = Joined(transport, asyncio.get_running_loop())
    joined.write(b"head ")
    joined.write(b"body")
    at_once = list(transport.told)
    await asyncio.sleep(0)

    assert ([], [b"head body"]) == (at_once, transport.told)


async def test_closing_sends_first_and_nothing_is_sent_after():
    """What was written before the end still leaves; what comes later has nowhere to go."""
    transport = Recorded()
    joined = Joined(transport, asyncio.get_running_loop())
    joined.write(b"last words")
    joined.close()
    joined.write(b"too late")
    await asyncio.sleep(0)

    assert [b"last words", "close"] == transport.told
