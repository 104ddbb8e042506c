"""The sender's own HTTP client against servers that behave in every way servers do."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from service.emulator.post import Poster, PostError

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def server(*answers: bytes | None):
    """Answers in turn, one a request; None cuts the connection; after the last answer of a connection it is closed."""
    seen: list[bytes] = []
    queue = list(answers)

    async def handle(reader, writer):
        try:
            while queue:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                seen.append(head + await reader.readexactly(length))
                answer = queue.pop(0)
                if answer is None:
                    break
                writer.write(answer)
                if b"close" in answer:
                    break
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    poster = Poster(timeout_s=1)
    try:
        yield poster, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/hook?x=1", seen
    finally:
        poster.close()
        listening.close()


async def test_a_connection_is_used_again():
    """Requests of one address follow each other on it; headers and body arrive as given."""
    async with server(OK, OK) as (poster, url, seen):
        answers = [await poster.post(url, {"x-test": "1"}, body) for body in (b"one", b"two")]

    assert [(200, b"ok")] * 2 == answers
    assert [b"one", b"two"] == [request[-3:] for request in seen]
    assert b"POST /hook?x=1 HTTP/1.1\r\n" in seen[0]
    assert b"x-test: 1\r\n" in seen[0]


ANSWERS = [
    # what a server may say, what is heard
    (b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n", (500, b"")),
    (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", (200, b"ok")),
    (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, (200, b"ok")),
    (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", (200, b"ok")),
    (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end", (200, b"until the end")),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + b"x" * 5000, (200, b"x" * 2048)),
]


@pytest.mark.parametrize(("said", "heard"), ANSWERS)
async def test_an_answer_is_read_however_it_is_framed(said, heard):
    """Status and the beginning of the body."""
    async with server(said) as (poster, url, _):
        assert heard == await poster.post(url, {}, b"body")


@pytest.mark.parametrize(
    ("said", "error"), [(None, "ReadError"), (b"SSH-2.0-OpenSSH\r\n", "ReadError"), (b"", "ReadTimeout")]
)
async def test_what_goes_wrong_has_a_name(said, error):
    """A cut connection, another protocol, silence."""
    async with server(said, OK) as (poster, url, _):
        with pytest.raises(PostError, match=error):
            await poster.post(url, {}, b"body")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[broken/", "http:///nowhere"])
async def test_an_address_where_nobody_is(url):
    """ConnectError, for nonsense too."""
    with pytest.raises(PostError, match="ConnectError"):
        await Poster(timeout_s=1).post(url, {}, b"body")


async def test_a_connection_that_grew_stale_is_replaced():
    """The server closed it after an answer; the next request goes over a fresh one and is sent once."""
    async with server(OK, None, OK) as (poster, url, seen):
        first = await poster.post(url, {}, b"one")
        second = await poster.post(url, {}, b"two")

    assert (200, b"ok") == first == second
    assert [b"one", b"two", b"two"] == [request[-3:] for request in seen]
