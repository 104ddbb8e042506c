"""The closed lists of the code as tables for the documents: roles, limits, reasons, cases, differences.

A new list is a function here, without arguments, and a row of `PARTS` in `generate.py`.
"""

from collections.abc import Sequence


def roles() -> str:
    """What each role may do, and how much it refunds alone."""
    from service.access.rules import REFUND_LIMITS, ROLE_PERMISSIONS, Permission, Role  # noqa: PLC0415

    rows = [[f"`{each}`", *("yes" if each in ROLE_PERMISSIONS[role] else "-" for role in Role)] for each in Permission]
    limits = [
        "refunds alone up to",
        *(f"{REFUND_LIMITS[role] // 100:,}" if REFUND_LIMITS[role] else "-" for role in Role),
    ]
    head = ["permission", *Role]
    return _table(head, [*rows, limits])


def drills() -> str:
    """Every drill with what it proves and what its last committed run measured; a dash where there is none yet."""
    from runbooks.drills.drill import load_drills  # noqa: PLC0415 - only this part needs the runbooks
    from runbooks.drills.evidence import committed, money, seconds  # noqa: PLC0415

    proved = committed()
    rows = []
    for name, each in load_drills().items():
        found = proved.get(name)
        times = [seconds(getattr(found, key, None)) for key in ("detect_s", "mitigate_s", "recover_s")]
        price = found.price if found is not None else {}
        cost = [str(price.get("checkouts_failed", "-")), money(price["cents_not_taken"]) if price else "-"]
        rows.append([f"`{name}`", each.playbook or "must stay silent", *times, *cost, found.at[:10] if found else "-"])
    head = ["drill", "playbook", "alert s", "mended s", "verified s", "checkouts failed", "not taken", "green on"]
    return _table(head, rows)


def coverage() -> str:
    """How many alerts have a playbook, and how many of the playbooks that change something are proved, and which are not."""
    from runbooks.drills.coverage import covered, share  # noqa: PLC0415 - only this part needs the runbooks
    from runbooks.engine.library import Library  # noqa: PLC0415

    found = covered(Library.load())
    alerts, acting = len(found.alerts), len(found.executable)
    drills = acting - len(found.without_drill)
    rows = [
        ["alerts", f"{alerts}", "", ""],
        [
            "with a playbook",
            f"{found.with_playbook}",
            share(found.with_playbook, alerts),
            _missing(found.without_playbook),
        ],
        ["playbooks that change something", f"{acting}", "", ""],
        ["with a drill", f"{drills}", share(drills, acting), _missing(found.without_drill)],
        [
            "drilled: green, for these very bytes",
            f"{found.drilled}",
            share(found.drilled, acting),
            _missing(found.unproved),
        ],
    ]
    return _table(["what", "number", "of these", "missing"], rows)


def _missing(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def scenarios() -> str:
    """Every scenario of the load tests: how long, how many come at the peak, what breaks and which alert has to fire."""
    from loadtests.scenario import SCENARIOS  # noqa: PLC0415 - only this part needs the load tests

    rows = [
        [
            f"`{name}`",
            each.what,
            f"{each.seconds:.0f}",
            f"{each.most_users} at once" if each.most_users else f"{each.peak:.0f} a second",
            ", ".join(f"`{fault.kind}`" for fault in each.faults) or "-",
            ", ".join(each.expects) or "-",
        ]
        for name, each in SCENARIOS.items()
    ]
    return _table(["scenario", "what it asks", "seconds", "most people", "breaks", "alert that has to fire"], rows)


def reasons() -> str:
    """Why money may go back, as a person says it."""
    from service.refunds.rules import MEANINGS  # noqa: PLC0415 - only this part needs the service

    return _table(["`reason`", "say it when"], [[f"`{each}`", told] for each, told in MEANINGS.items()])


def cases() -> str:
    """What waits for a person, whose it is, and how long it may."""
    from service.cases.rules import KINDS  # noqa: PLC0415 - only this part needs the service

    rows = [[f"`{kind}`", each.means, each.owner, f"{each.within.days} d"] for kind, each in KINDS.items()]
    return _table(["case", "what it means", "owner", "within"], rows)


def differences() -> str:
    """What may differ between the books and a gateway, whose it is, and what mends it."""
    from service.reconciliation.rules import KINDS  # noqa: PLC0415 - only this part needs the service

    rows = [[f"`{kind}`", each.means, f"`{each.owner}`", each.repair] for kind, each in KINDS.items()]
    return _table(["difference", "what it means", "owner", "repair"], rows)


def zones() -> str:
    """The rate limits: how many at once, how many a minute, by what a client is known, and why so many."""
    from service.limits.rules import ZONES  # noqa: PLC0415 - only this part needs the service

    rows = [
        [f"`{zone.name}`", f"{zone.burst:,}", f"{zone.per_minute:,}", _KNOWN_BY[zone.by], zone.why]
        for zone in ZONES.values()
    ]
    return _table(["zone", "at once", "then a minute", "client", "why"], rows)


def objectives() -> str:
    """What customers and staff may count on, from the rows that rules and dashboards read."""
    from service.telemetry.objectives import ALL_BP, OBJECTIVES  # noqa: PLC0415 - only this part needs the service

    def percent(bp: int) -> str:
        return f"{bp * 100 / ALL_BP:g} %" if bp else "-"

    rows = [
        [
            f"`{each.name}`",
            each.promise,
            f"`{each.metric.name}`" + (f", by {each.by}" if each.by else ""),
            f"{percent(each.target_bp)} in {each.period}",
            percent(each.on_sale_bp),
            "any hour" if each.pages else "office hours",
        ]
        for each in OBJECTIVES
    ]
    return _table(["objective", "promise", "counted by", "kept by", "in a sale's two hours", "somebody is told"], rows)


def alerts() -> str:
    """Every alert by owner, its tiers, what it means, and the playbook of its name."""
    from monitoring.alerts import ALERTS  # noqa: PLC0415 - only this part needs the rules

    first, tiers = {each.name: each for each in reversed(ALERTS)}, dict[str, list[str]]()
    for each in ALERTS:
        tiers.setdefault(each.name, []).append(each.tier)
    rows = [
        [f"[{name}](../../{first[name].playbook})", ", ".join(tiers[name]), first[name].owner, first[name].description]
        for name in sorted(first, key=lambda name: (first[name].owner, name))
    ]
    return _table(["alert", "tier", "owner", "what it means"], rows)


def matter() -> str:
    """What stands at the top of a playbook."""
    from runbooks.engine.matter import KEYS  # noqa: PLC0415 - only this part needs the playbooks

    return _table(["key", "what it says"], [[f"`{key}`", means] for key, means in KEYS.items()])


def fences() -> str:
    """The kinds of steps a playbook is made of."""
    from runbooks.engine.fences import KINDS  # noqa: PLC0415 - only this part needs the playbooks

    rows = [
        [f"`{kind}`", each.means, ", ".join(f"`{key}`" for key in each.keys), _places(each.headings)]
        for kind, each in KINDS.items()
    ]
    return _table(["fence", "what it does", "keys", "stands under"], rows)


def _places(headings: Sequence[str]) -> str:
    return ", ".join(headings) if len(headings) < 3 else "any but Meaning and Impact"  # noqa: PLR2004 - a list of six is none


def reads() -> str:
    """What a playbook may ask."""
    from runbooks.actions.registry import create_registry  # noqa: PLC0415 - only this part needs the playbooks

    rows = [
        [f"`{each.name}`", each.promise, _takes(each.takes), ", ".join(f"`{fact}`" for fact in each.gives)]
        for each in sorted(create_registry().reads.values(), key=lambda each: each.name)
    ]
    return _table(["read", "what it tells", "takes", "facts"], rows)


def actions() -> str:
    """What a playbook may do."""
    from runbooks.actions.registry import create_registry  # noqa: PLC0415 - only this part needs the playbooks

    rows = [
        [f"`{each.name}`", each.promise, _takes(each.takes), each.risk, _BACK[each.reversal]]
        for each in sorted(create_registry().actions.values(), key=lambda each: each.name)
    ]
    return _table(["action", "what it does", "takes", "risk", "taken back"], rows)


def _takes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names if name != "lease_s") or "-"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)) + "\n"


_KNOWN_BY = {"client": "key or session, else address", "address": "address"}
_BACK = {"lease": "by itself, when its `lease` ends", "undo": "with `undo: true`", "harmless": "needs none"}


def verdicts() -> str:
    """What the gate may say, with its exit codes."""
    from loadtests.verdict import EXIT_CODES, INTERRUPTED, TOLD, USAGE  # noqa: PLC0415 - only this part needs the load tests

    rows = [[str(code), each.value, f"the release {TOLD[each]}"] for each, code in EXIT_CODES.items()]
    rows.append([str(USAGE), "usage", "something was typed that cannot be; it says what to do"])
    rows.append([str(INTERRUPTED), "interrupted", "ended before its end; what was measured until then is kept"])
    return _table(["exit code", "verdict", "it means"], sorted(rows, key=lambda row: int(row[0])))


def limits() -> str:
    """What a run is judged by: the objectives that are seen from outside, and the ceilings with their usual figures."""
    from loadtests.ceilings import LIMITS  # noqa: PLC0415 - only this part needs the load tests
    from loadtests.promises import ELSEWHERE, SEEN  # noqa: PLC0415
    from loadtests.scenario import CEILINGS  # noqa: PLC0415
    from service.telemetry.objectives import ALL_BP, OBJECTIVES  # noqa: PLC0415

    rows = []
    for each in OBJECTIVES:
        share = f"{each.target_bp / ALL_BP:.2%} of requests"
        within = f" within {each.within_s:g} s" if each.within_s else " without a fault"
        by = SEEN.get(each.name)
        who = f"`{'`, `'.join(sorted(by.names or by.users))}`" if by else "buyers who wait for their ticket"
        known = each.name not in ELSEWHERE
        rows.append([f"`{each.name}`", each.promise, share + within if known else "-", ELSEWHERE.get(each.name, who)])
    for name, limit in CEILINGS.items():
        rows.append(
            [f"`{name}`", LIMITS[name].told, f"{limit:g} {LIMITS[name].unit}", "its processes and their metrics"]
        )
    return _table(["limit", "what it says", "at least, or at most", "seen by"], rows)


def plan() -> str:
    """What the gate plays in its standard form, and in its short one."""
    from loadtests.gate import SHORT, STANDARD  # noqa: PLC0415 - only this part needs the load tests

    rows = []
    for each in STANDARD.parts:
        short = next((part for part in SHORT.parts if part.name == each.name), None)
        rows.append(
            [f"`{each.name}`", f"{each.scenario.seconds:.0f} s", f"{short.scenario.seconds:.0f} s" if short else "-"]
        )
    told = [f"{found.rounds} of {found.round_s:g} s" for found in (STANDARD, SHORT)]
    return _table(["scenario", "standard", "`--short`"], [*rows, ["rounds of old and new, in turns", *told]])


def targets() -> str:
    """How fast it ought to be: the targets that `cubano bench` says beside its figures."""
    from service.bench.targets import TARGETS  # noqa: PLC0415 - only this part needs the benchmarks

    rows = [[f"`{each.benchmark}`", each.what, each.said] for each in TARGETS]
    return _table(["benchmark", "what", "target"], rows)
