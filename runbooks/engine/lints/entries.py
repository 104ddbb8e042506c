"""What a playbook reads and does stands in the registry, with the arguments it takes, and can be taken back. Pure."""

from collections.abc import Mapping

from runbooks.engine.faults import meant
from runbooks.engine.lints.sheet import Sheet
from runbooks.engine.playbook import Act, Autonomy, Look, Step, Verify
from runbooks.engine.registry import Action, Reversal, Risk

LONGEST_LEASE_S = 7 * 86400  # the service takes no longer one
OF_QUERY = ("value", "sum", "count")
_GIVEN = frozenset({"lease_s"})  # by the engine, from `lease`


def look_at_entries(sheet: Sheet) -> None:
    for step, look in sheet.looks():
        _look_at_question(sheet, step, look)
    for act in sheet.playbook.acts:
        entry = sheet.around.registry.actions.get(act.do)
        if entry is None:
            mend = meant(act.do, sheet.around.registry.actions, "`cubano runbook explain` names the actions there are")
            sheet.fault(act, "do:", f"{act.do} is no action of the registry", mend)
            continue
        _look_at_arguments(sheet, act, act.args, takes=entry.takes, entry=act.do)
        _look_at_reversal(sheet, act, entry)
    _look_at_times(sheet)
    _look_at_autonomy(sheet)


def facts_of(sheet: Sheet, look: Look) -> set[str] | None:
    """Names of the facts an answer has; None where nobody knows."""
    if look.read:
        entry = sheet.around.registry.reads.get(look.read)
        return set(entry.gives) if entry is not None else None
    return set(OF_QUERY)


def _look_at_question(sheet: Sheet, step: Step, look: Look) -> None:
    if look.read:
        entry = sheet.around.registry.reads.get(look.read)
        if entry is None:
            mend = meant(look.read, sheet.around.registry.reads, "a read is a row of runbooks/actions/registry.py")
            sheet.fault(step, f"read: {look.read}", f"{look.read} is no read of the registry", mend)
            return
        _look_at_arguments(sheet, step, look.args, takes=entry.takes, entry=look.read)
    elif look.args:
        sheet.fault(step, "with:", "a query takes no arguments", "write labels into the query: {provider}")
    given = facts_of(sheet, look) or set()
    for name in look.expect:
        if name not in given and not (look.query and name.startswith("label_")):
            what = look.read or "a query"
            sheet.fault(step, f"{name}:", f"{what} gives no fact {name}", meant(name, given))


def _look_at_arguments(
    sheet: Sheet, step: Step, args: Mapping[str, str], *, takes: tuple[str, ...], entry: str
) -> None:
    known = {name.rstrip("?") for name in takes} - _GIVEN
    for name in args:
        if name not in known:
            mend = "write `lease: 30m` below it" if name in _GIVEN else meant(name, known)
            sheet.fault(step, f"{name}:", f"{entry} takes no {name}", mend)
    for name in takes:
        if not name.endswith("?") and name not in args and name not in _GIVEN:
            sheet.fault(step, entry, f"{entry} needs {name}", f"write `with: {{{name}: …}}`")


def _look_at_reversal(sheet: Sheet, act: Act, entry: Action) -> None:
    leased = entry.reversal is Reversal.LEASE
    if leased and not act.lease_s:
        sheet.fault(act, "do:", f"{act.do} reverts by itself, and no time is said", "write `lease: 30m`")
    if not leased and act.lease_s:
        sheet.fault(act, "lease:", f"{act.do} has no lease", "leave `lease` out: nothing would revert it")
    if entry.reversal is Reversal.UNDO and not act.undo:
        sheet.fault(act, "do:", f"{act.do} stays, and nothing says that it is put back", "write `undo: true`")
    if act.undo and entry.undo is None:
        sheet.fault(act, "undo:", f"{act.do} cannot be undone", "leave `undo` out")
    if act.lease_s > LONGEST_LEASE_S:
        sheet.fault(act, "lease:", "the lease is longer than seven days", "write 7d at most, and renew it if need be")


def _look_at_times(sheet: Sheet) -> None:
    verifies = [step for step in sheet.playbook.steps if isinstance(step, Verify)]
    deadline = sheet.playbook.limits.deadline_s
    for step in verifies:
        if step.within_s >= deadline:
            mend = f"verify within less than the deadline of {deadline} s, or raise `limits: {{deadline: …}}`"
            sheet.fault(step, "within:", "the run is over before this is", mend)
    longest = max((step.within_s for step in verifies), default=0)
    for act in sheet.playbook.acts:
        if 0 < act.lease_s < longest:
            mend = f"lease it for longer than the {longest} s in which it is verified"
            sheet.fault(act, "lease:", f"{act.name} reverts while it is being verified", mend)


def _look_at_autonomy(sheet: Sheet) -> None:
    if sheet.playbook.autonomy is not Autonomy.AUTO:
        return
    if not sheet.playbook.is_executable:
        sheet.fault(None, "autonomy:", "there is nothing to do by itself", "write `autonomy: observe`, or add an act")
    for act in sheet.playbook.acts:
        entry = sheet.around.registry.actions.get(act.do)
        if entry is not None and (entry.risk is not Risk.LOW or entry.reversal is Reversal.UNDO):
            why = f"its risk is {entry.risk}" if entry.risk is not Risk.LOW else "it does not revert by itself"
            sheet.fault(
                None, "autonomy:", f"{act.name} is not done without a person: {why}", "write `autonomy: suggest`"
            )
