"""Prometheus and Alertmanager themselves: what they read, what fires, what is silenced; and silencing with an end.

A silence names one alert, lasts at most hours, says which act made it, and never covers the watchdog: that one proves the pipe.
"""

from datetime import timedelta
from hashlib import sha256

from monitoring.signals import count_of, most
from runbooks.actions.alertmanager import longest, same
from runbooks.actions.arguments import lease, reason, word
from runbooks.actions.world import World
from runbooks.engine.facts import Facts
from runbooks.engine.playbook import Args, Domain
from runbooks.engine.registry import Action, Effect, Read, RefusedError, Reversal, Risk, Taken, UnreachableError
from service.telemetry.catalogue import (
    DB_CONNECTIONS,
    DB_CONNECTIONS_LIMIT,
    DB_POOL,
    HTTP_SERVER_ACTIVE,
    TELEMETRY_DROPPED,
)
from service.telemetry.labels import PoolState

LONGEST_SILENCE_S = 4 * 3600
NEVER = "Watchdog"


async def read_targets(world: World, _args: Args) -> Facts:
    """Who is read, and who cannot be; that Prometheus does not answer is an answer."""
    try:
        targets = await world.prometheus.targets()
    except UnreachableError as error:
        return {"answers": False, "why": str(error)}
    down = [each for each in targets if each["health"] != "up"]
    names = ",".join(sorted({each["labels"].get("job", "") for each in down})) or "none"
    return {"answers": True, "up": len(targets) - len(down), "down": len(down), "names": names}


async def read_rules(world: World, _args: Args) -> Facts:
    """Whether all rules are evaluated."""
    rules = await world.prometheus.rules()
    bad = [each for each in rules if each.get("health") not in {"ok", "unknown"}]
    return {"rules": len(rules), "failing": len(bad), "first": bad[0]["name"] if bad else "none"}


async def read_firing(world: World, args: Args) -> Facts:
    """What fires now, the heartbeat aside; with `alert` whether that one does."""
    wanted = word(args, "alert", "")
    found = [each for each in await world.prometheus.alerts() if each["labels"].get("alertname") not in {None, NEVER}]
    firing = sorted({each["labels"]["alertname"] for each in found if each["state"] == "firing"})
    pending = {each["labels"]["alertname"] for each in found if each["state"] == "pending"}
    grave = {
        each["labels"]["alertname"]
        for each in found
        if each["labels"].get("severity") == "critical" and each["state"] == "firing"
    }
    facts: dict[str, str | int | bool] = {"firing": len(firing), "critical": len(grave), "pending": len(pending)}
    facts["names"] = ",".join(firing) or "none"
    return facts | ({"fires": wanted in firing} if wanted else {})


async def read_silences(world: World, _args: Args) -> Facts:
    """What is silenced; that Alertmanager does not answer is an answer."""
    try:
        found = await world.alertmanager.silences()
    except UnreachableError as error:
        return {"answers": False, "why": str(error)}
    names = ",".join(sorted({each.matchers.get("alertname", "several") for each in found})) or "none"
    longest_s = longest(found, world.clock()).total_seconds()
    return {"answers": True, "silences": len(found), "ours": sum(each.is_ours for each in found),
            "longest_s": world.paced(max(longest_s, 0.0)), "names": names}  # fmt: skip


async def read_headroom(world: World, _args: Args) -> Facts:
    """How full what can be full is."""
    in_use, size = most(DB_POOL, "instance", state=PoolState.IN_USE), most(DB_POOL, "instance", state=PoolState.SIZE)
    pool = await world.asked(f"max({in_use} / {size})")
    server = await world.asked(f"sum({most(DB_CONNECTIONS, 'state')}) / {most(DB_CONNECTIONS_LIMIT)}")
    active = await world.counted(f"sum({HTTP_SERVER_ACTIVE.name})")
    dropped = await world.counted(count_of(TELEMETRY_DROPPED, "10m"))
    shares = {"pool_share": pool, "connections_share": server}
    known = {name: round(share, 4) for name, share in shares.items() if share is not None}
    fullest = max(known, key=lambda each: known[each], default=None)
    headroom = round(1 - known[fullest], 4) if fullest else None
    return {**known, "active": round(active), "dropped": round(dropped), "headroom": headroom}


# ---- silence, for a time ---------------------------------------------------------------------------------------------


def _matchers(args: Args) -> dict[str, str]:
    name = word(args, "alert")
    if name == NEVER:
        raise RefusedError(
            "the watchdog is never silenced: its silence is how somebody learns that nothing is told any more"
        )
    more = {label: word(args, label) for label in ("provider", "severity") if args.get(label)}
    return {"alertname": name, **more}


def _mark(key: str) -> str:
    return f"[act {sha256(key.encode()).hexdigest()[:16]}]"


async def _plan_silence(world: World, args: Args) -> Effect:
    matchers, length_s = _matchers(args), lease(args, longest_s=LONGEST_SILENCE_S)
    standing = same(await world.alertmanager.silences(), matchers)
    told = ", ".join(f"{name}={value}" for name, value in matchers.items())
    return Effect(
        f"nobody is told of {told} for {length_s} s",
        before={"silenced": bool(standing)},
        after={"silenced": matchers, "seconds": length_s},
        facts={"alertmanager.silences.silences": 1},
    )


async def _silence(world: World, args: Args, key: str) -> Facts:
    matchers, now = _matchers(args), world.clock()
    until = now + timedelta(seconds=lease(args, longest_s=LONGEST_SILENCE_S))
    standing = same(await world.alertmanager.silences(), matchers)
    done = next((each for each in standing if _mark(key) in each.comment), None)
    if done is not None:
        return {"silence": done.id, "changed": False}
    replaces = standing[0].id if standing else ""
    comment = f"{reason(args)} {_mark(key)}"
    made = await world.alertmanager.silence(matchers, until=until, now=now, comment=comment, replaces=replaces)
    return {"silence": made, "changed": True}


async def _is_silent(world: World, args: Args) -> Taken:
    return Taken.DONE if same(await world.alertmanager.silences(), _matchers(args)) else Taken.NOT_DONE


async def _end_silence(world: World, args: Args, _key: str) -> Facts:
    standing = same(await world.alertmanager.silences(), _matchers(args))
    for each in standing:
        await world.alertmanager.end(each.id)
    return {"changed": bool(standing)}


READS = (
    Read(
        "prometheus.targets",
        "Who is read by Prometheus.",
        {"answers": "it does", "why": "what it said instead", "up": "targets that are read", "down": "that cannot be", "names": "jobs of those, or none"},
        read_targets,
    ),
    Read(
        "prometheus.rules",
        "Whether its rules are evaluated.",
        {"rules": "all", "failing": "those with an error", "first": "the first of them, or none"},
        read_rules,
    ),
    Read(
        "alerts.firing",
        "What fires now, the watchdog aside.",
        {"firing": "alerts", "critical": "of these", "pending": "that soon may", "names": "which fire, or none", "fires": "whether the named one does"},
        read_firing,
        ("alert?",),
    ),
    Read(
        "alertmanager.silences",
        "What is silenced.",
        {"answers": "it does", "why": "what it said instead", "silences": "in force", "ours": "of these, of a playbook",
         "longest_s": "until the last ends, at the pace of production", "names": "alerts, or none"},
        read_silences,
    ),
    Read(
        "capacity.headroom",
        "How full what can be full is.",
        {"headroom": "what is left of the fullest, 0 to 1", "pool_share": "of the fullest pool of connections", "connections_share": "of the server's",
         "active": "requests at work", "dropped": "telemetry of ten minutes that was dropped"},
        read_headroom,
    ),
)  # fmt: skip
ACTIONS = (
    Action(
        "alert.silence",
        "Nobody is told of one alert for a time; it fires all the same.",
        Risk.MEDIUM,
        Domain.MONITORING,
        Reversal.LEASE,
        _plan_silence,
        _silence,
        _is_silent,
        _end_silence,
        takes=("alert", "provider?", "severity?"),
    ),
)
