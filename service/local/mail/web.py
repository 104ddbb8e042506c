"""The page of the sink and its JSON: newest mail first, each as HTML, text and source.

A mail's HTML is a stranger's: it is served with a policy that runs no script, loads nothing from anywhere, and is
shown in a sandboxed frame.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import jinja2
import msgspec
from litestar import MediaType, Response, Router, delete, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter
from litestar.response import Redirect

from service.local.mail.box import Box, Message, Summary

T = TypeVar("T")

_HERE = Path(__file__).parent
_PAGE_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; img-src 'self' data:"
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "sandbox allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'self'"
)
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
_VIEWS = ("html", "text", "source", "headers")

Ping = Callable[[], bool]


class Pinged(msgspec.Struct, frozen=True):
    name: str
    ok: bool


class Readiness(msgspec.Struct, frozen=True):
    status: str
    pings: list[Pinged]


def routes(box: Box, *, smtp_address: str, accepts_mail: Ping) -> Router:
    """Everything the sink answers, on one box."""
    show = partial(_page, box, smtp_address)

    @get("/", media_type=MediaType.HTML, sync_to_thread=False)
    def inbox(to: str | None = None) -> Response[str]:
        return show(opened=None, view="html", to=to)

    @get("/messages/{number:int}", media_type=MediaType.HTML, sync_to_thread=False)
    def message(number: int, view: str | None = None, to: str | None = None) -> Response[str] | Redirect:
        opened = box.find(number)
        if opened is None:  # cleared since the link was made
            return Redirect("/")
        fitting = "html" if opened.html else "text"
        return show(opened=opened, view=view if view in _VIEWS else fitting, to=to)

    @get("/messages/{number:int}/html", media_type=MediaType.HTML, sync_to_thread=False)
    def html(number: int) -> Response[str]:
        content = _with_links_opening_beside(_found(box.find(number)).html or "")
        return Response(content, media_type=MediaType.HTML, headers={"Content-Security-Policy": _MAIL_POLICY})

    @get("/messages/{number:int}/source", media_type=MediaType.TEXT, sync_to_thread=False)
    def source(number: int) -> bytes:
        return _found(box.source(number))

    return Router(
        "/", route_handlers=[inbox, message, html, source, *_assets(), *_api(box), *_health(box, accepts_mail)]
    )


def _api(box: Box) -> list[HTTPRouteHandler]:
    @get("/api/messages", sync_to_thread=False)
    def messages(
        to: str | None = None, limit: Annotated[int, Parameter(ge=1, le=1000)] = 200
    ) -> dict[str, list[Summary] | int]:
        return {"total": box.count(), "messages": box.newest(recipient=to, limit=limit)}

    @get("/api/messages/{number:int}", sync_to_thread=False)
    def message(number: int) -> Message:
        return _found(box.find(number))

    @delete("/api/messages", sync_to_thread=False)
    def clear() -> None:
        box.clear()

    return [messages, message, clear]


def _health(box: Box, accepts_mail: Ping) -> list[HTTPRouteHandler]:
    @get("/health/live", sync_to_thread=False)
    def live() -> dict[str, str]:
        return {"status": "live"}

    @get("/health/ready", sync_to_thread=False)
    def ready() -> Response[Readiness]:
        pings = {"smtp": accepts_mail(), "store": box.count() >= 0}
        well = all(pings.values())
        content = Readiness("ready" if well else "unready", [Pinged(name, ok) for name, ok in pings.items()])
        return Response(content, status_code=200 if well else 503)

    return [live, ready]


def _assets() -> list[HTTPRouteHandler]:
    @get("/page.css", media_type="text/css", sync_to_thread=False)
    def css() -> str:
        return (_HERE / "page.css").read_text()

    @get("/page.js", media_type="text/javascript", sync_to_thread=False)
    def script() -> str:
        return (_HERE / "page.js").read_text()

    return [css, script]


def _page(box: Box, smtp_address: str, *, opened: Message | None, view: str, to: str | None) -> Response[str]:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    source = (box.source(opened.id) or b"").decode(errors="replace") if opened and view == "source" else ""
    content = environment.get_template("page.html").render(
        messages=box.newest(recipient=to or None),
        total=box.count(),
        opened=opened,
        view=view,
        views=_VIEWS,
        source=source,
        to=to or "",
        smtp_address=smtp_address,
    )
    return Response(content, media_type=MediaType.HTML, headers={"Content-Security-Policy": _PAGE_POLICY})


def _with_links_opening_beside(html: str) -> str:
    """Links of the mail open beside the page, not inside its frame; the doctype stays first, or it would look different."""
    start = _DOCTYPE.match(html)
    at = start.end() if start else 0
    return f'{html[:at]}<base target="_blank">{html[at:]}'


def _found(thing: T | None) -> T:
    if thing is None:
        raise NotFoundException("There is no such mail; it may have been cleared.")
    return thing
