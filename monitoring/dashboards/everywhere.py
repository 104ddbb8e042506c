"""What stands on more than one page."""

from monitoring import signals
from monitoring.dashboards import links
from monitoring.dashboards.panels import Panel, Query, from_, stat
from service.telemetry import catalogue


def seen(expr: str, label: str) -> str:
    """The lines of an expression that are not nothing, and one called "none" where all are: no legend full of zeros."""
    return f'({expr} > 0) or on () label_replace(vector(0), "{label}", "none", "", "")'


def dead_letters() -> Panel:
    """Events and messages that are given up."""
    events = f"sum({signals.most(catalogue.INBOX, 'state', state='dead')}) or vector(0)"
    messages = f"sum({signals.most(catalogue.OUTBOX, 'kind', state='dead')}) or vector(0)"
    return stat(
        "Dead letters",
        "Events and messages nobody tries any more: a person looks, repairs and replays them. Nothing is lost.",
        Query(f"({events}) + ({messages})"),
        unit="short",
        decimals=0,
        steps=from_(1),
        links=(links.playbook("DeadLetterNonEmpty"),),
    )
