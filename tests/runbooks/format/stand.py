"""A small world for the linter: two alerts, three reads, three actions, two drills, one notice."""

from monitoring.alert import Alert, Kind, Tier
from runbooks.engine.faults import BrokenError
from runbooks.engine.library import Library
from runbooks.engine.lint import lint
from runbooks.engine.notices import read_notice
from runbooks.engine.playbook import Domain
from runbooks.engine.reading import read_playbook
from runbooks.engine.registry import Action, Effect, Read, Registry, Reversal, Risk, Taken

NOTICE = """---
notice: provider-disturbed
to: customers
---
## en

**Payments are disturbed**

{provider} does not answer.

## es

**Pagos con problemas**

{provider} no responde.
"""


async def nothing(_world, _args, _key=""):
    return {}


async def effect(_world, _args):
    return Effect("nothing changes", changes=False)


async def taken(_world, _args):
    return Taken.DONE


def action(name: str, reversal: Reversal, risk: Risk = Risk.LOW, takes: tuple[str, ...] = ()) -> Action:
    undo = nothing if reversal is Reversal.UNDO else None
    return Action(
        name, "It does something.", risk, Domain.GATEWAY, reversal, effect, nothing, taken, undo=undo, takes=takes
    )


def registry() -> Registry:
    return Registry(
        [
            Read("gateway.health", "How it is.", {"state": "a word", "age_s": "since"}, nothing, ("provider",)),
            Read("checkout.probe", "Whether one may buy.", {"ok": "yes"}, nothing),
            Read("inbox.dead", "Given up.", {"count": "how many"}, nothing, ("kind?",)),
        ],
        [
            action("route.put", Reversal.LEASE, takes=("order", "lease_s")),
            action("inbox.replay", Reversal.HARMLESS),
            action("limits.put", Reversal.UNDO, Risk.MEDIUM, ("policy",)),
        ],
    )


def alert(name: str, dashboard: str = "gateways") -> Alert:
    expr = 'max by (provider) (cubano_gateway_breaker{state="open"}) == 1'
    return Alert(name, Tier.CRITICAL, Kind.CAUSE, "payments", expr, "It is away.", "It is.", dashboard)


def faults_in(text: str, *, drills=None, others=(), alerts=("ShopAway", "ShopSlow")):
    """What the linter says of a page, as the only playbook beside `others`."""
    try:
        page = read_playbook(text, "runbooks/playbooks/ShopAway.md")
    except BrokenError as error:
        raise AssertionError(f"it cannot even be read: {error}") from error
    library = Library([page, *(each for each, _ in others)], texts={"ShopAway": text, **{p.name: t for p, t in others}})
    notice = read_notice(NOTICE, "runbooks/notices/provider-disturbed.md")
    return lint(
        library,
        registry(),
        alerts=[alert(name) for name in alerts],
        drills={"shop-away": "ShopAway", "quiet-night": ""} if drills is None else drills,
        dashboards={"gateways", "orders"},
        notices={notice.name: notice},
    )
