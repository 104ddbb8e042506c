"""Runs that were made up, so that the right judgement of them is known: a scenario's arrivals with waits drawn from a seed."""

import random
from collections.abc import Mapping

import msgspec

from loadtests.result import Alerts, Correctness, Generated, Machine, Outcome, Ran, Sample, Sent, Watched
from loadtests.scenario import SCENARIOS
from loadtests.stages import Scenario

HERE = Machine(cores=2, processor="a chip", system="Linux 6", python="3.11.2", postgres="18.1")
MIX = {"catalog": 0.5, "checkout": 0.2, "order": 0.2, "history": 0.05, "webhook": 0.05}
USERS = {"catalog": "visitor", "checkout": "buyer", "order": "buyer", "history": "support", "webhook": "webhook"}
USUAL_MS = {"catalog": 6.0, "checkout": 40.0, "order": 5.0, "history": 12.0, "webhook": 4.0}


def scenario(name: str = "steady", **changes) -> Scenario:
    return msgspec.structs.replace(SCENARIOS[name], **changes)


def run(
    name: str = "steady", *, seed: int = 1, slower: float = 1.0, cpu_ms: float = 12.0, rate: float = 40, **changes
) -> Ran:
    """One of a good day; `changes` are fields of `Ran`, `slower` multiplies all waits and the processor time."""
    dice, seconds = random.Random(f"{name}{seed}"), SCENARIOS[name].seconds if name in SCENARIOS else 6.0
    sent, at_s = [], 0.0
    while (at_s := at_s + dice.expovariate(rate)) < seconds:
        kind = dice.choices(list(MIX), list(MIX.values()))[0]
        took = USUAL_MS[kind] * slower * dice.lognormvariate(0, 0.35)
        status = 201 if kind == "checkout" else 200
        sent.append(Sent(at_s, USERS[kind], kind, took + dice.expovariate(1), took, Outcome.OK, status))
    tickets = [dice.lognormvariate(5, 0.3) for each in sent if each.name == "checkout"]
    whole = Ran(
        scenario=name,
        seed=seed,
        began_at="2026-11-23T20:00:00+00:00",
        seconds=seconds,
        generated=Generated(seconds, len(sent), len(sent), sent, cpu_s=seconds * 0.2, lag_ms_p99=3, tickets_ms=tickets),
        watched=watched(sent, seconds, cpu_ms * slower, dice),
        correctness=Correctness(),
        alerts=None,
        settings={},
        commit="0123456789ab",
        machine=HERE,
    )
    return msgspec.structs.replace(whole, **changes)


def sent(name: str, waited_ms: float) -> Sent:
    """One request that was answered well."""
    return Sent(0.0, USERS[name], name, waited_ms, waited_ms, Outcome.OK, 200)


def watched(sent: list[Sent], seconds: float, cpu_ms: float, dice: random.Random) -> Watched:
    """What was seen of processes that need so many milliseconds for a request."""
    samples, done = [], 0
    for step in range(int(seconds * 2) + 1):
        while done < len(sent) and sent[done].at_s <= step / 2:
            done += 1
        used = done * cpu_ms / 1000 * dice.uniform(0.995, 1.005)
        cpu_s = {"serve": 5 + used * 0.6, "work": 2 + used * 0.15, "postgres": 1 + used * 0.25, "emulate": 9 + used}
        rss = {"serve": 120_000_000 + step * 900, "work": 90_000_000 + step * 500}
        samples.append(
            Sample(step / 2, cpu_s, rss, dice.uniform(1, 4), 15, requests=100.0 + done, statements=900.0 + done * 11)
        )
    waits = {"0.001": len(sent) * 3, "0.01": len(sent) * 4, "0.1": len(sent) * 4, "+Inf": len(sent) * 4}
    return Watched(samples, host_busy=0.05, cores=2, pool_wait=waits)


def changed(ran: Ran, part: str, **changes) -> Ran:
    """The same run with another `generated`, `watched` or `correctness`."""
    return msgspec.structs.replace(ran, **{part: msgspec.structs.replace(getattr(ran, part), **changes)})


def failed(ran: Ran, name: str, share: float, *, status: int = 500, outcome: Outcome = Outcome.FAILED) -> Ran:
    """The same run, in which so many of these requests ended otherwise."""
    dice = random.Random(0)
    sent = [
        msgspec.structs.replace(each, outcome=outcome, status=status)
        if each.name == name and dice.random() < share
        else each
        for each in ran.generated.sent
    ]
    return changed(ran, "generated", sent=sent)


def alerts(*fired: str, expected: tuple[str, ...] = ()) -> Alerts:
    return Alerts(list(expected), list(fired))


def rounds(
    count: int = 12, *, slower: float = 1.0, noise: float = 0.02, seed: int = 0
) -> tuple[list[Mapping], list[Mapping]]:
    """Figures of so many rounds of an old and a new one; each pair shares the mood of the machine."""
    dice = random.Random(seed)
    usual = {"cpu": 12.0, "statements": 11.0, "checkout cpu": 15.0, "checkout p25": 40.0, "order p25": 6.0}
    old, new = list[Mapping](), list[Mapping]()
    for _ in range(count):
        mood = dice.uniform(0.9, 1.2)
        for side, factor in ((old, 1.0), (new, slower)):
            slow = {name: value * mood * factor * dice.uniform(1 - noise, 1 + noise) for name, value in usual.items()}
            side.append(slow | {"statements": usual["statements"]})
    return old, new
