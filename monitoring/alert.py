"""What a rule is, before it is YAML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Tier(StrEnum):
    """Whom it concerns: critical wakes somebody, warning waits for business hours, info stands in the daily digest."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Kind(StrEnum):
    """Why it exists: what customers feel, what makes them feel it, what must never be, what ought to have happened by now."""

    SYMPTOM = "symptom"
    CAUSE = "cause"
    NEVER = "never"
    HEARTBEAT = "heartbeat"
    BUSINESS = "business"
    META = "meta"


@dataclass(frozen=True)
class Record:
    """A recording rule. Durations in `expr` are marks (`monitoring.durations`)."""

    name: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Alert:
    """One alert. `summary` is a sentence for a person, with the value in it; `dashboard` is a uid of grafana/dashboards.

    An alert of two tiers is two rows with one name: the critical one silences the other. `wait` is Prometheus' `for`,
    `keep` its `keep_firing_for`. `labels` are added to those that stand for tier, owner and kind.
    """

    name: str
    tier: Tier
    kind: Kind
    owner: str
    expr: str
    summary: str
    description: str
    dashboard: str
    wait: str = "0s"
    keep: str = "0s"
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def playbook(self) -> str:
        return f"runbooks/playbooks/{self.name}.md"

    @property
    def shown_labels(self) -> dict[str, str]:
        """Those every firing has, beside the ones its series bring."""
        return {"severity": str(self.tier), "owner": self.owner, "kind": str(self.kind), **self.labels}

    @property
    def annotations(self) -> dict[str, str]:
        return {
            "summary": self.summary,
            "description": self.description,
            "playbook": self.playbook,
            "dashboard": f"/d/{self.dashboard}",
        }
