"""The front matter of a playbook: what it is for, how far it goes by itself, and how much it may touch. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from runbooks.engine.faults import Faults, meant
from runbooks.engine.fields import Field
from runbooks.engine.forms import Form
from runbooks.engine.playbook import Autonomy, Domain, Limits

SCHEDULES = ("daily", "weekly", "monthly", "yearly", "before-sale")
KEYS: Mapping[str, str] = {
    "runbook": "required: the name of the file without `.md`",
    "alerts": "what starts it, `[runbook]` unless said; `[]` for what is only scheduled",
    "subject": "what a run is about, with labels in braces; one run at a time changes something about a subject",
    "domain": f"required: {', '.join(Domain)}; one run at a time changes something in each",
    "autonomy": "`observe`: it looks; `suggest`: it plans, and a person approves; `auto`: it acts where each act is of low risk and reverts",
    "needs": 'labels that its steps use: `""` when the alert must bring it, else what stands in for it',
    "limits": "how much a run may touch (`orders`, `sessions`, `cents`; `any`), how often (`runs_per_day`, `cooldown`), how long (`deadline`)",
    "drill": "the drill that proves it; required when it changes something",
    "schedule": "when the responder begins it by itself: `daily`, `weekly` (on Tuesdays), `monthly` and `yearly` (on the first Tuesday), "
    "at `CUBANO_RESPOND_SCHEDULE_HOUR`; `before-sale`, an hour and ten minutes before each of `CUBANO_RESPOND_SALES`",
}
_LIMITS = ("runs_per_day", "cooldown", "deadline", "orders", "sessions", "cents")


@dataclass(frozen=True)
class Matter:
    """What the front matter says; `autonomy` None: as its acts are."""

    name: str
    alerts: tuple[str, ...]
    subject: str
    domain: Domain
    autonomy: Autonomy | None
    needs: Mapping[str, str]
    limits: Limits
    drill: str
    schedule: str


def read_matter(field: Field, name: str, faults: Faults) -> Matter:
    """What is written; `name` is the file's."""
    form = Form(field, KEYS, "the front matter", faults)
    form.need("runbook")
    form.need("domain")
    written = form.text("runbook", name)
    if written != name:
        form.fault(form.at("runbook"), f"{written} is not the name of this file", f"write `runbook: {name}`")
    schedule = form.text("schedule")
    if schedule and schedule not in SCHEDULES:
        form.fault(form.at("schedule"), f"{schedule} is no schedule", meant(schedule, SCHEDULES))
    alerts = form.list_of_texts("alerts", (name,))
    if not alerts and not schedule:
        form.fault(form.at("alerts"), "nothing ever starts this", "name its alerts, or give it a schedule")
    autonomy = form.choice("autonomy", Autonomy, Autonomy.SUGGEST) if "autonomy" in form else None
    return Matter(
        name=name,
        alerts=alerts,
        subject=form.text("subject", name),
        domain=form.choice("domain", Domain, Domain.MONITORING),
        autonomy=autonomy,
        needs=_needs(form),
        limits=_limits(form),
        drill=form.text("drill"),
        schedule=schedule,
    )


def stand_in(name: str) -> Matter:
    """What the rest of a file is read with when its front matter is missing or not closed, which is a fault."""
    return Matter(name, (name,), name, Domain.MONITORING, None, {}, Limits(), "", "")


def _needs(form: Form) -> Mapping[str, str]:
    """Labels; an empty text, which `args` would take for a fault, says that the alert must bring it."""
    return form.args("needs")


def _limits(form: Form) -> Limits:
    if "limits" not in form:
        return Limits()
    given, usual = form.form("limits", _LIMITS, "limits"), Limits()
    return Limits(
        runs_per_day=given.count("runs_per_day", usual.runs_per_day, any_allowed=False) or 0,
        cooldown_s=given.seconds("cooldown", usual.cooldown_s),
        deadline_s=given.seconds("deadline", usual.deadline_s),
        orders=given.count("orders", usual.orders),
        sessions=given.count("sessions", usual.sessions),
        cents=given.count("cents", usual.cents),
    )
