"""Problems in the OpenAPI document: the answers an operation may give besides the good one, each with an example.

`documented(SoldOut, KeyReused)` belongs beside the handler that lets these errors out; the rows come from the one table.
"""

from typing import Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example

from service.kernel.errors import CardRefused, RateLimited
from service.kernel.problems import HTTP_CODES, PROBLEM_JSON, TABLE, TYPE_ROOT, Kind

EXAMPLE_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OVERLOADED = Kind(503, "overloaded", "Too busy right now")
EVERYWHERE = (OVERLOADED, TABLE[RateLimited])


class FieldProblem(msgspec.Struct, frozen=True):
    field: str
    code: str
    message: str


class ProblemBody(msgspec.Struct, frozen=True, rename="camel"):
    """RFC 9457. Programs read `code`; `traceId` is what support asks for."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    trace_id: str | None
    errors: list[FieldProblem] | None = None  # only when fields are wrong


def documented(*kinds: type[Exception] | int, screened: bool = True) -> dict[int, ResponseSpec]:
    """One response a status; several errors of one status are several examples of it.

    Every operation is limited, and `screened` for card numbers unless its route says otherwise.
    """
    by_status: dict[int, list[Kind]] = {}
    cards = (TABLE[CardRefused],) if screened else ()
    for kind in (*(TABLE[each] if isinstance(each, type) else HTTP_CODES[each] for each in kinds), *EVERYWHERE, *cards):
        if kind not in (found := by_status.setdefault(kind.status, [])):
            found.append(kind)
    return {
        status: ResponseSpec(
            data_container=ProblemBody,
            media_type=PROBLEM_JSON,
            generate_examples=False,
            description="; ".join(f"`{each.code}`: {each.title}" for each in found),
            examples=[Example(id=each.code, summary=each.title, value=_example(each)) for each in found],
        )
        for status, found in sorted(by_status.items())
    }


def _example(kind: Kind) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": TYPE_ROOT + kind.code,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.title + ".",
        "code": kind.code,
        "traceId": EXAMPLE_TRACE,
    }
    if kind.code == "invalid_request":
        body["errors"] = [
            {"field": "items[0].quantity", "code": "out_of_range", "message": "The quantity is 1 or more."}
        ]
    return body


def answered(status: int, container: type[Any], example: Any, description: str) -> dict[int, ResponseSpec]:
    """The good answer of an operation, with its example."""
    return {
        status: ResponseSpec(
            data_container=container,
            generate_examples=False,
            description=description,
            examples=[Example(id="example", summary=description, value=example)],
        )
    }
