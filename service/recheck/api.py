"""`/api/ops/reconciliation/run`."""

from typing import Annotated, Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import Body

from service.access.rules import Permission
from service.acts.api import ACTING, NO_STORE, JsonRequest, Repeatable, asked, shown
from service.acts.rules import Told
from service.kernel.errors import WrongState
from service.kernel.problem_docs import answered, documented
from service.recheck import flow
from service.recheck.flow import Books
from service.recheck.views import RecheckAsked

DONE: dict[str, Any] = {
    "action": "reconciliation.run",
    "subject": "2027-02-13",
    "dryRun": False,
    "changes": True,
    "before": {"differences": 2},
    "after": {
        "day": "2027-02-13",
        "providers": "stripe,paypal",
        "compared": 2,
        "differences": 1,
        "cents": 24900,
        "unread": "",
    },
    "affects": {"orders": 1, "sessions": 0, "events": 1, "amounts": [{"minor": 24900, "currency": "USD"}]},
    "planHash": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
}


@post(
    "/reconciliation/run",
    summary="Compare a day with the gateways now",
    tags=["Operations: promises and audit"],
    opt={"permission": Permission.OPS_WRITE},
    status_code=200,
    responses={
        **answered(200, Told, DONE, "What differs is counted, or which day would be compared"),
        **documented(*ACTING, WrongState),
    },
)
async def run_reconciliation(
    request: JsonRequest,
    data: Annotated[
        RecheckAsked, Body(examples=shown({"day": "2027-02-13", "provider": "stripe", "reason": "the list was late"}))
    ],
    books: NamedDependency[Books],
    *,
    key: Repeatable = None,
) -> Response[Told]:
    """Read what a UTC day moved at the gateways, compare it with the books, and keep what differs.

    The worker does so each morning. `unread` names gateways that did not answer; they are compared as far as they are known.
    """
    return Response(await flow.run(books, asked(request, data, key), data), headers=NO_STORE)
