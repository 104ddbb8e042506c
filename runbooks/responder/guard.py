"""Who asks: a bearer token for programs, a cookie for people, Alertmanager's own token for its call; and how many may try.

A cookie alone never changes anything from another site: it is SameSite=Strict, and a request that changes something must say
that it comes from here. Tokens that are none are answered slowly after a few.
"""

import secrets
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from litestar.connection import ASGIConnection, Request
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException, TooManyRequestsException
from litestar.handlers.base import BaseRouteHandler

from runbooks.engine.runs import Person
from runbooks.responder.operators import Operator
from runbooks.responder.station import Station

COOKIE = "cubano_on_call"
MOST_TRIES = 10
_TRIES_WITHIN = timedelta(minutes=1)
_SAFE = ("GET", "HEAD")
_BEARER = "Bearer "


class SignInNeededError(Exception):
    """A page was asked for by nobody; they may sign in and come back."""


class Tries:
    """Wrong tokens of the last minute, of everybody together: a flood of them tells nobody anything, and locks nobody out
    whose token is a right one.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._wrong: deque[datetime] = deque(maxlen=MOST_TRIES)

    def wrong(self) -> None:
        """Counts one; raises when there were too many before it."""
        if len(self._wrong) == MOST_TRIES and self._clock() - self._wrong[0] < _TRIES_WITHIN:
            raise TooManyRequestsException(
                "Too many wrong tokens; try again in a minute.", headers={"Retry-After": "60"}
            )
        self._wrong.append(self._clock())


def token_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The bearer token, or nothing."""
    header = connection.headers.get("authorization", "")
    return header.removeprefix(_BEARER).strip() if header.startswith(_BEARER) else ""


def alertmanager_only(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard: its token, compared in constant time; without a token in the settings nobody passes."""
    station: Station = connection.app.state.station
    expected = station.settings.token.get_secret_value()
    given = token_of(connection)
    if not expected or not secrets.compare_digest(given.encode(), expected.encode()):
        raise NotAuthorizedException("Send the token of CUBANO_RESPOND_TOKEN.")


def operator_of(request: Request[Any, Any, Any]) -> Operator:
    """Who asks, by token or cookie; raises for nobody, for a viewer who wants to act, and for another site's form."""
    found = _found(request)
    if found is None:
        if request.url.path.startswith("/api/") or request.method not in _SAFE:
            raise NotAuthorizedException("Send a token of your own: cubano respond operators add NAME")
        raise SignInNeededError
    if request.method not in _SAFE and not found.may_act:
        raise PermissionDeniedException("You may look; approving is for those on call.")
    return found


def _found(request: Request[Any, Any, Any]) -> Operator | None:
    station: Station = request.app.state.station
    token = token_of(request)
    if token:
        tries: Tries = request.app.state.tries
        found = station.operators.find(token)
        if found is None:
            tries.wrong()
        return found
    word = request.cookies.get(COOKIE, "")
    if not word:
        return None
    if request.method not in _SAFE and not is_from_here(request):
        raise PermissionDeniedException("This form comes from another site.")
    return station.sessions.find(word, station.clock())


def is_from_here(request: Request[Any, Any, Any]) -> bool:
    """What the browser says of where a request was made: `Sec-Fetch-Site`, else `Origin` against `Host`."""
    site = request.headers.get("sec-fetch-site", "")
    if site:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin", "")
    return bool(origin) and origin.partition("://")[2] == request.headers.get("host", "")


def person_of(operator: Operator, via: str) -> Person:
    """As the engine knows people."""
    return Person(operator.name, frozenset({str(operator.role)}), via)
