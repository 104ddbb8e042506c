"""What gateways tell us: how late, how often, how well signed; and another secret to verify it by.

A new secret never passes a playbook, its plan or its journal: a person writes it into `<state>/secrets/<provider>`, readable by
nobody else, and the act hands it to the service and removes the file. It is accepted beside the old ones; those end when a
person retires them, after the gateway has been told to sign with the new one. What was planned names it by its hash: that one
is handed over, looked for and taken back, whatever came after it.
"""

from hashlib import sha256
from pathlib import Path

from monitoring.signals import count_of, quantile, since
from runbooks.actions.arguments import planned, reason, word
from runbooks.actions.ops import Ask, effect, outcome
from runbooks.actions.prometheus import plain
from runbooks.actions.world import World
from runbooks.engine.facts import Facts
from runbooks.engine.playbook import Args, Domain
from runbooks.engine.registry import Action, Effect, Read, RefusedError, Reversal, Risk, Taken
from service.telemetry.catalogue import RECOVERED, SWEPT, WEBHOOK_LAG, WEBHOOK_LAST, WEBHOOKS
from service.telemetry.labels import RecoveredBy, WebhookResult

SHOWN = 16  # digits of a secret's hash, by which the service names it
OTHERS = 0o077  # rights of anybody but the owner
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


async def read_secrets(world: World, args: Args) -> Facts:
    """How many secrets are accepted, and whether a new one waits to be handed over."""
    known = await _secrets(world, word(args, "provider"))
    accepted = [each for each in known if each["accepted"]]
    retiring = sum(each["retiresAt"] is not None for each in accepted)
    names = ",".join(str(each["secret"]) for each in accepted)
    return {"accepted": len(accepted), "retiring": retiring, "names": names, "given": _file(world, args).is_file()}


async def _secrets(world: World, provider: str) -> list[dict[str, object]]:
    found = (await world.ops.get("/webhook-secrets"))["providers"]
    known = next((each["secrets"] for each in found if each["provider"] == provider), None)
    if known is None:
        raise RefusedError(f"there is no provider called {provider}")
    return list(known)


# ---- another secret ----------------------------------------------------------------------------------------------------


def _file(world: World, args: Args) -> Path:
    return world.places.state / "secrets" / word(args, "provider")


def _given(world: World, args: Args) -> str:
    path = _file(world, args)
    if not path.is_file():
        raise RefusedError(f"write the new secret into {path} first, readable by nobody else")
    if path.stat().st_mode & OTHERS:
        raise RefusedError(f"{path} can be read by others: chmod 600, and better take another secret")
    return path.read_text().strip()


def _adding(world: World, args: Args) -> Ask:
    body = {"secret": _given(world, args)}
    return Ask("POST", f"/webhook-secrets/{word(args, 'provider')}", body, reason(args))


async def _plan_rotate(world: World, args: Args) -> Effect:
    told = await world.ops.plan(_adding(world, args))
    return effect(told, f"another secret of {told['subject']} is accepted beside the others")


async def _rotate(world: World, args: Args, key: str) -> Facts:
    async def act() -> Facts:
        ask, name = _adding(world, args), _planned(args)
        if name != _name(ask.body["secret"]):
            raise RefusedError("another secret waits there than the one that was planned")
        told = await world.ops.act(ask, key)
        _file(world, args).unlink(missing_ok=True)  # it is not kept here any longer
        return outcome(told) | {"secret": name}

    return await world.done.once(key, act)


def _planned(args: Args) -> str:
    """The name of the secret this is about, and no other's."""
    name = str(planned(args)["after"].get("accepts") or "")
    if not name:
        raise RefusedError("which secret this is about was not known when it was planned")
    return name


async def _is_rotated(world: World, args: Args) -> Taken:
    wanted = _planned(args)
    known = await _secrets(world, word(args, "provider"))
    return Taken.DONE if wanted in {each["secret"] for each in known if each["accepted"]} else Taken.NOT_DONE


async def _take_back(world: World, args: Args, key: str) -> Facts:
    """The new one is refused again; the service refuses that for the only one that is left."""
    path = f"/webhook-secrets/{word(args, 'provider')}/{_planned(args)}"
    return outcome(await world.ops.act(Ask("DELETE", path, reason=reason(args)), key))


def _name(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()[:SHOWN]


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
    Read(
        "webhooks.secrets",
        "What a gateway's deliveries are verified by.",
        {"accepted": "secrets that are", "retiring": "of these, for a time", "names": "the first digits of their hashes",
         "given": "a new one waits to be handed over"},
        read_secrets,
        _PROVIDER,
    ),
)  # fmt: skip
ACTIONS = (
    Action(
        "webhooks.rotate_secret",
        "Another secret verifies a gateway's deliveries, beside the others; those stay until a person retires them.",
        Risk.HIGH,
        Domain.ACCESS,
        Reversal.UNDO,
        _plan_rotate,
        _rotate,
        _is_rotated,
        _take_back,
        takes=("provider",),
    ),
)
