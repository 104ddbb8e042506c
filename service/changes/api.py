"""`/api/ops/changes`."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from service.access.rules import Permission
from service.acts.api import NO_STORE, READING, Limit, Time
from service.acts.rules import read_time
from service.changes import flow
from service.changes.views import ChangesView
from service.kernel.problem_docs import answered, documented
from service.shop.flow import Shop

CHANGES: dict[str, Any] = {
    "changes": [
        {
            "at": "2027-02-13T18:04:00Z",
            "kind": "switch",
            "action": "switch.put",
            "subject": "breaker.stripe",
            "by": "responder",
            "before": {"value": "auto", "until": None},
            "after": {"value": "open", "lease": 1800, "reason": "Stripe reports an incident"},
        },
        {
            "at": "2027-02-13T17:58:00Z",
            "kind": "deploy",
            "action": "process.build",
            "subject": "serve",
            "by": "system",
            "before": {"version": "1.4.0"},
            "after": {"version": "1.4.1"},
        },
    ],
    "since": "2027-02-12T18:05:00Z",
}


@get(
    "/changes",
    summary="What changed lately",
    tags=["Operations: promises and audit"],
    opt={"permission": Permission.OPS_READ},
    responses={**answered(200, ChangesView, CHANGES, "The changes"), **documented(*READING)},
)
async def list_changes(shop: NamedDependency[Shop], *, since: Time = None, limit: Limit = 50) -> Response[ChangesView]:
    """Switches, keys, people and webhook secrets that were changed, new builds, and settings that are others; no values.

    Without `since`: of the last day. The first question of every incident, so it is answered without the audit's permission.
    """
    async with shop.db.transaction() as session:
        return Response(await flow.read(session, since=read_time(since, "since"), limit=limit), headers=NO_STORE)
