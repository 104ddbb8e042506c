"""How the supervisor asks a child whether it is ready.

A probe answers "" when it is, else one short sentence about what is missing; it raises nothing.
"""

import asyncio
import http.client
import json
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

Probe = Callable[[], Awaitable[str]]

_TIMEOUT_S = 1.5
_EXCERPT = 300  # characters of an unready answer worth showing


def http_ready(url: str) -> Probe:
    """Ready when GET `url`, a loopback address, answers 200."""

    async def probe() -> str:
        return await asyncio.to_thread(_ask, url)

    return probe


def ready_when(condition: Callable[[], bool], otherwise: str) -> Probe:
    """Ready when `condition()` holds; `otherwise` says what is missing."""

    async def probe() -> str:
        return "" if condition() else otherwise

    return probe


def _ask(url: str) -> str:
    # Not the project's HTTP client: polling costs a hundred times less this way, while the children want the CPU.
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        body = answer.read(1 << 16).decode(errors="replace")
    except ConnectionRefusedError:
        return f"nothing listens at {url}"
    except (OSError, http.client.HTTPException) as error:
        return f"{url}: {error or type(error).__name__}"
    finally:
        connection.close()
    return "" if answer.status == http.HTTPStatus.OK else f"{url} answered {answer.status} {_excerpt(body)}".rstrip()


def _excerpt(body: str) -> str:
    try:
        return json.dumps(json.loads(body), ensure_ascii=False)[:_EXCERPT]
    except ValueError:
        return ""  # an HTML page helps nobody here
