"""Messages on their way out (mails, calls to gateways): what waits, what was given up, sending it again."""

from typing import Any

from monitoring.signals import Like, count_of
from runbooks.actions.arguments import number, reason, word
from runbooks.actions.ops import Ask, effect, outcome
from runbooks.actions.world import World
from runbooks.engine.facts import Facts
from runbooks.engine.playbook import Args, Domain
from runbooks.engine.registry import Action, Effect, Read, RefusedError, Reversal, Risk, Taken
from service.telemetry.catalogue import OUTBOX_DELIVERED
from service.telemetry.labels import DeliveryOutcome

MOST_MESSAGES = 200  # in one act, as the service allows
MOST_HURRIED, HURRY_S = 50, 60.0  # one by one, each an entry in the trail
MAIL = "mail."


async def read_depth(world: World, args: Args) -> Facts:
    """What waits to be delivered."""
    found = await world.sql.one("outbox", kind=word(args, "kind", ""))
    return {**found, "overdue_s": world.paced(found["overdue_s"])}


async def read_dead(world: World, args: Args) -> Facts:
    """What was given up, the commonest kind first."""
    rows = await world.sql.rows("outbox_dead", kind=word(args, "kind", ""))
    if not rows:
        return {"dead": 0, "kind": "none", "kinds": 0}
    return {"dead": rows[0]["of_all"], "kind": rows[0]["kind"], "kinds": len(rows)}


async def read_mail(world: World, _args: Args) -> Facts:
    """How mail does: what waits, what was given up, and how half an hour of tries ended."""
    waits = await read_depth(world, {"kind": MAIL})
    dead = await read_dead(world, {"kind": MAIL})
    tries = await world.by("outcome", count_of(OUTBOX_DELIVERED, "30m", "outcome", kind=Like("mail[.].*")))
    bad = sum(tries.get(each, 0) for each in (DeliveryOutcome.RETRIED, DeliveryOutcome.DEAD))
    whole = sum(tries.values())
    return {
        "waiting": waits["pending"],
        "overdue_s": waits["overdue_s"],
        "attempts": waits["attempts"],
        "dead": dead["dead"],
        "failed": round(bad),
        "failed_share": round(bad / whole, 4) if whole else None,
    }


def _retrying(args: Args) -> Ask:
    chosen: dict[str, Any] = {"limit": number(args, "limit", 100, most=MOST_MESSAGES)}
    if args.get("kind"):
        chosen["kind"] = word(args, "kind")
    if args.get("parked") == "true":
        chosen["parked"] = True
    return Ask("POST", "/outbox/retry", chosen, reason(args))


async def _plan_retry(world: World, args: Args) -> Effect:
    told = await world.ops.plan(_retrying(args))
    return effect(told, f"{told['affects']['events']} dead messages are due again")


async def _retry(world: World, args: Args, key: str) -> Facts:
    return outcome(await world.ops.act(_retrying(args), key))


async def _is_retried(world: World, args: Args) -> Taken:
    told = await world.ops.plan(_retrying(args))
    return Taken.NOT_DONE if told["changes"] else Taken.DONE


# ---- what waits for its next try ---------------------------------------------------------------------------------------


async def _waiting(world: World, args: Args) -> list[int]:
    """Messages of a kind that were tried and wait for their next time, the soonest first."""
    most = number(args, "limit", 20, most=MOST_HURRIED)
    return [each["seq"] for each in await world.sql.rows("outbox_waiting", kind=word(args, "kind"), most=most)]


async def _plan_hurry(world: World, args: Args) -> Effect:
    """Which they are moves while somebody approves, so that is no part of what is approved."""
    waiting = await _waiting(world, args)
    summary = f"{len(waiting)} messages that wait for their next try are due at once"
    return Effect(summary, after={"due": "what waits"}, events=len(waiting))


async def _hurry(world: World, args: Args, key: str) -> Facts:
    async def act() -> Facts:
        hurried = 0
        for seq in await _waiting(world, args):
            try:
                told = await world.ops.act(Ask("POST", f"/outbox/{seq}/retry", reason=reason(args)), f"{key}-{seq}")
            except RefusedError:
                continue  # it has gone meanwhile, or is on its way just now
            hurried += bool(told["changes"])
        return {"hurried": hurried}

    return await world.done.once(key, act)


async def _is_hurried(_world: World, _args: Args) -> Taken:
    return Taken.NOT_DONE  # to hurry once more does no harm: each has its effect once


_KIND = ("kind?",)
READS = (
    Read(
        "outbox.depth",
        "Messages that wait to be delivered.",
        {"pending": "waiting, those for their next try too", "due": "of these, due now", "attempts": "the most tries of one",
         "overdue_s": "how long the oldest is overdue, at the pace of production"},
        read_depth,
        _KIND,
    ),
    Read(
        "outbox.dead",
        "Messages that were given up.",
        {"dead": "all of them", "kind": "the commonest kind, or none", "kinds": "different kinds"},
        read_dead,
        _KIND,
    ),
    Read(
        "mail.failing",
        "How mail does.",
        {"waiting": "mails in the outbox", "overdue_s": "how long the oldest is overdue, at the pace of production",
         "attempts": "the most tries of one", "dead": "mails given up", "failed": "tries of half an hour that failed",
         "failed_share": "of all tries; absent without any"},
        read_mail,
    ),
)  # fmt: skip
ACTIONS = (
    Action(
        "outbox.retry",
        "Dead messages (mails, refunds, captures) are delivered again, parked ones only when asked for; each has its effect once.",
        Risk.LOW,
        Domain.MAIL,
        Reversal.HARMLESS,
        _plan_retry,
        _retry,
        _is_retried,
        takes=("kind?", "limit?", "parked?"),
    ),
    Action(
        "outbox.hurry",
        "Messages of a kind that wait for their next try are delivered at once, with all their tries again.",
        Risk.LOW,
        Domain.MAIL,
        Reversal.HARMLESS,
        _plan_hurry,
        _hurry,
        _is_hurried,
        takes=("kind", "limit?"),
        timeout_s=HURRY_S,
    ),
)
