"""`/api/ops/webhook-secrets`: listed by hash, added, retired."""

from functools import partial
from typing import Annotated, Any

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import Body, PathParameter, QueryParameter

from service.access.rules import Permission
from service.acts.api import ACTING, NO_STORE, READING, JsonRequest, Repeatable, asked, shown
from service.acts.flow import perform
from service.acts.rules import HASH, MOST_REASON, PLAIN, Act, Told
from service.kernel.errors import NotFound, WrongState
from service.kernel.problem_docs import answered, documented
from service.shop.flow import Shop
from service.webhook_secrets import flow
from service.webhook_secrets.views import AllSecretsView, SecretAsked

TAGS = ["Operations: webhook secrets"]
WRITE = {"permission": Permission.OPS_WRITE}
Provider = Annotated[str, PathParameter(max_length=100, description="Whose webhooks.", examples=shown("stripe"))]
Name = Annotated[
    str,
    PathParameter(max_length=64, description="The first 16 digits of its SHA-256.", examples=shown("5f70bf18a0860070")),
]
LISTED: dict[str, Any] = {
    "providers": [
        {
            "provider": "stripe",
            "secrets": [
                {
                    "secret": "5f70bf18a0860070",
                    "origin": "settings",
                    "accepted": True,
                    "readable": True,
                    "retiresAt": "2027-02-14T18:04:00Z",
                }
            ],
        }
    ]
}
ADDED: dict[str, Any] = {
    "action": "webhook_secret.add",
    "subject": "stripe",
    "dryRun": False,
    "changes": True,
    "before": {"provider": "stripe", "accepted": ["5f70bf18a0860070"]},
    "after": {"provider": "stripe", "accepts": "16e948b04aed3b82", "retires": ["5f70bf18a0860070"], "lease": 86_400},
    "affects": {"orders": 0, "sessions": 0, "events": 0, "amounts": []},
    "planHash": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
}
RETIRED = {
    **ADDED,
    "action": "webhook_secret.retire",
    "after": {"provider": "stripe", "retires": ["5f70bf18a0860070"]},
}


@get(
    "/webhook-secrets",
    summary="What verifies webhooks",
    tags=TAGS,
    opt={"permission": Permission.OPS_READ},
    responses={**answered(200, AllSecretsView, LISTED, "By their hashes"), **documented(*READING)},
)
async def list_secrets(shop: NamedDependency[Shop]) -> Response[AllSecretsView]:
    """The secrets of the settings and those that were added, by hash, with when they retire. A secret itself is never told."""
    async with shop.db.transaction() as session:
        return Response(await flow.read_all(session, shop.gateways), headers=NO_STORE)


@post(
    "/webhook-secrets/{provider:str}",
    summary="Accept another webhook secret",
    tags=TAGS,
    opt=WRITE,
    status_code=200,
    responses={**answered(200, Told, ADDED, "It is accepted, or would be"), **documented(*ACTING, NotFound)},
)
async def add_secret(
    request: JsonRequest,
    provider: Provider,
    data: Annotated[
        SecretAsked,
        Body(
            examples=shown({"secret": "whsec_0123456789abcdef", "retireOthersAfter": 86_400, "reason": "it has leaked"})
        ),
    ],
    shop: NamedDependency[Shop],
    *,
    key: Repeatable = None,
) -> Response[Told]:
    """Accept it beside the others at once, sealed in the database; all processes know it within seconds.

    `retireOthersAfter` ends the others of this provider, those of the settings too. What was retired is accepted again by being
    added again.
    """
    gateway, wanted = flow.find_gateway(shop.gateways, provider), asked(request, data, key)
    prepare = partial(flow.prepare_add, gateway=gateway, asked=wanted, wish=data)
    return Response(await perform(shop.db, wanted, prepare), headers=NO_STORE)


@delete(
    "/webhook-secrets/{provider:str}/{secret:str}",
    summary="Retire a webhook secret",
    tags=TAGS,
    opt=WRITE,
    status_code=200,
    responses={
        **answered(200, Told, RETIRED, "It is refused, or would be"),
        **documented(*ACTING, NotFound, WrongState),
    },
)
async def retire_secret(
    request: JsonRequest,
    provider: Provider,
    secret: Name,
    reason: Annotated[
        str,
        QueryParameter(
            min_length=1,
            max_length=MOST_REASON,
            pattern=PLAIN,
            description="Why; it is kept.",
            examples=shown("it was replaced"),
        ),
    ],
    shop: NamedDependency[Shop],
    *,
    dry_run: Annotated[bool, QueryParameter(name="dryRun", description="Only answer what would change.")] = False,
    expect: Annotated[str | None, QueryParameter(pattern=HASH, description="The `planHash` agreed to.")] = None,
    key: Repeatable = None,
) -> Response[Told]:
    """Refuse deliveries signed with it, also one of the settings. 409 for the only one that is left."""
    gateway = flow.find_gateway(shop.gateways, provider)
    wanted = asked(request, Act(reason=reason, dry_run=dry_run, expect=expect), key)
    prepare = partial(flow.prepare_retire, gateway=gateway, asked=wanted, name=secret)
    return Response(await perform(shop.db, wanted, prepare), headers=NO_STORE)
