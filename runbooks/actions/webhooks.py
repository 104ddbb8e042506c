"""What gateways tell us: how late, how often, how well signed; and the secret it is signed with.

A new secret is accepted beside the old one for as long as its lease says. It is typed in by a person where the service asks for
it, never here: no secret passes a playbook, its journal or its plan.
"""

from monitoring.signals import count_of, quantile, since
from runbooks.actions.arguments import word
from runbooks.actions.prometheus import plain
from runbooks.actions.world import World
from runbooks.engine.facts import Facts
from runbooks.engine.playbook import Args
from runbooks.engine.registry import Read
from service.telemetry.catalogue import RECOVERED, SWEPT, WEBHOOK_LAG, WEBHOOK_LAST, WEBHOOKS
from service.telemetry.labels import RecoveredBy, WebhookResult

UNSIGNED = (WebhookResult.BAD_SIGNATURE, WebhookResult.BAD_CERTIFICATE, WebhookResult.TOO_OLD)


async def read_lag(world: World, args: Args) -> Facts:
    """How late events come, and whether they come at all."""
    provider = word(args, "provider")
    p95 = await world.asked(quantile("0.95", WEBHOOK_LAG, "5m", provider=provider))
    last = await world.asked(since(WEBHOOK_LAST, provider=provider))
    swept = await world.asked(since(SWEPT, provider=provider))
    taken = await world.counted(count_of(WEBHOOKS, "15m", provider=provider, result=WebhookResult.ACCEPTED))
    missed = await world.counted(count_of(RECOVERED, "15m", provider=provider, found_by=RecoveredBy.SWEEP))
    return {
        "p95_s": plain(p95) if p95 is not None else None,
        "last_s": world.paced(last) if last is not None else None,
        "swept_s": round(swept, 1) if swept is not None else None,
        "accepted": round(taken),
        "missed": round(missed),
    }


async def read_signatures(world: World, args: Args) -> Facts:
    """How many of ten minutes could not be verified, and whether any could."""
    by = await world.by("result", count_of(WEBHOOKS, "10m", "result", provider=word(args, "provider")))
    failed = {each: by.get(each, 0) for each in UNSIGNED}
    good = by.get(WebhookResult.ACCEPTED, 0) + by.get(WebhookResult.DUPLICATE, 0)
    total = sum(failed.values())
    top = max(failed, key=lambda each: failed[each]) if total else "none"
    share = round(total / (total + good), 4) if total + good else None
    return {"failed": round(total), "verified": round(good), "share": share, "why": str(top)}


_PROVIDER = ("provider",)
READS = (
    Read(
        "webhooks.lag",
        "How late a gateway's events come.",
        {"p95_s": "seconds that one in twenty exceeds", "last_s": "since the last one, at the pace of production",
         "swept_s": "seconds since its own list was read to the end", "accepted": "of 15 minutes", "missed": "of these minutes, found in the list alone"},
        read_lag,
        _PROVIDER,
    ),
    Read(
        "webhooks.signature_failures",
        "Deliveries of ten minutes that could not be verified.",
        {"failed": "how many", "verified": "how many could be", "share": "failed of both", "why": "the commonest reason, or none"},
        read_signatures,
        _PROVIDER,
    ),
)  # fmt: skip
