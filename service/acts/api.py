"""What the routes of operators share: strict JSON, who asks, the key that makes a repetition the same act."""

from typing import Annotated, Any

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi.spec import Example
from litestar.params import Body, HeaderParameter, QueryParameter

from service.access.api import principal_of
from service.access.rules import Principal
from service.acts.rules import MOST_LISTED, MOST_REASON, Act, Asked, fingerprint
from service.kernel.errors import FieldError, Forbidden, Invalid, KeyInFlight, KeyReused, PlanChanged, Unidentified
from service.telemetry.labels import AccessOutcome
from service.telemetry.redaction import redact_text

READING = (Invalid, Unidentified, Forbidden)
ACTING = (Invalid, 413, 415, Unidentified, Forbidden, KeyInFlight, KeyReused, PlanChanged)
NO_STORE = {"Cache-Control": "no-store"}


def shown(value: Any, summary: str = "For example") -> list[Example]:
    """The example of a parameter or a body, for the document."""
    return [Example(id="example", summary=summary, value=value)]


Limit = Annotated[int, QueryParameter(ge=1, le=MOST_LISTED, description="How many at most.")]
Cursor = Annotated[
    str | None, QueryParameter(max_length=100, description="Of the page before; absent there, it was the last.")
]
Time = Annotated[
    str | None,
    QueryParameter(
        schema_extra={"format": "date-time"}, description="With its zone, for example 2027-02-13T18:00:00Z."
    ),
]
Repeatable = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A new UUID for each act: the same key and body give the same answer, and nothing is done twice.",
        examples=shown("4b0c6a3e-2f57-4f0e-9a57-4b8f6de1f0aa"),
    ),
]


ActBody = Annotated[
    Act, Body(examples=shown({"reason": "the cause is mended", "dryRun": True}, "Look first, with dryRun"))
]


class JsonRequest(Request[Any, Any, State]):
    """A request whose body is JSON, says so, and is exactly what its handler takes.

    The framework would read `0` as false and `"60"` as a number: too kind where a dry run and an act are one word apart.
    """

    async def json(self) -> Any:
        if self.content_type[0] != "application/json":
            raise HTTPException(status_code=415, detail="Send application/json.")
        wanted = self.route_handler.parsed_fn_signature.parameters["data"].annotation
        try:
            return msgspec.json.decode(await self.body() or b"null", type=wanted)
        except msgspec.ValidationError as error:
            told, _, path = str(error).partition(" - at `$")
            where = path.rstrip("`").removeprefix(".") or "body"
            raise Invalid([FieldError(where, "invalid", f"{told}.")]) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            told = f"The body is not valid JSON: {error}"
            raise Invalid([FieldError("body", "not_json", told)], "invalid_json") from error


def operator_of(request: Request[Any, Any, Any]) -> Principal:
    """Who asks, on a route that needs a permission."""
    principal = principal_of(request)
    if principal is None:
        raise Unidentified(AccessOutcome.NONE)
    return principal


def asked(request: Request[Any, Any, Any], act: Act, key: str | None) -> Asked:
    """The act of this request; its reason is kept in many places, so addresses and secrets are out of it from here on."""
    told = msgspec.structs.replace(act, reason=redact_text(act.reason)[:MOST_REASON])
    return Asked(operator_of(request), told, key, fingerprint(request.method, request.url.path, act))
