"""What belongs together knows of each other: alert, playbook, drill, dashboard, notice, and the pages linked to."""

import re
from collections.abc import Iterable
from pathlib import Path

from runbooks.engine.facts import names
from runbooks.engine.faults import Fault, meant
from runbooks.engine.library import ROOT, Library
from runbooks.engine.lints.sheet import Around, Sheet, texts
from runbooks.engine.playbook import Notify

MOST_WORDS = 400  # three screens of a telephone; fences come on top
FENCE = re.compile(r"^```.*?^```[ \t]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)[^)]*\)")
_DASHBOARD = re.compile(r"(?<!\w)/d/([\w-]+)")
_ELSEWHERE = ("http://", "https://", "mailto:")


def look_at_ties(sheet: Sheet) -> None:
    _look_at_alerts(sheet)
    _look_at_drill(sheet)
    _look_at_notices(sheet)
    _look_at_links(sheet)
    prose = FENCE.sub("", "\n".join(sheet.playbook.sections.values()))
    if (count := len(prose.split())) > MOST_WORDS:
        mend = f"leave out {count - MOST_WORDS}: it is read on a telephone at night"
        sheet.fault(None, "## Meaning", f"it has {count} words, {MOST_WORDS} at most", mend)


def _look_at_alerts(sheet: Sheet) -> None:
    known = {alert.name: alert for alert in sheet.around.alerts}
    named = set(_DASHBOARD.findall("\n".join(sheet.lines)))
    for uid in sorted(named - set(sheet.around.dashboards)):
        sheet.fault(None, f"/d/{uid}", f"there is no dashboard {uid}", meant(uid, sheet.around.dashboards))
    for name in sheet.playbook.alerts:
        alert = known.get(name)
        if alert is None:
            mend = meant(name, known, "write `alerts: []` for what is only scheduled")
            sheet.fault(None, name, f"there is no alert {name}", mend)
        elif alert.dashboard not in named:
            mend = f"write `Dashboard: /d/{alert.dashboard}.` below it"
            sheet.fault(None, "## Diagnosis", f"the dashboard of {name} is not named", mend)


def _look_at_drill(sheet: Sheet) -> None:
    playbook, drills = sheet.playbook, sheet.around.drills
    if playbook.is_executable and not playbook.drill:
        sheet.fault(
            None, "domain:", "it changes something, and no drill has proved it", "write `drill: name-of-a-drill`"
        )
    if not playbook.drill or drills is None:
        return
    if playbook.drill not in drills:
        mend = meant(playbook.drill, drills, f"write runbooks/drills/{playbook.drill}.md")
        sheet.fault(None, "drill:", f"there is no drill {playbook.drill}", mend)
    elif drills[playbook.drill] != playbook.name:
        about = drills[playbook.drill] or "no playbook"
        mend = f"write `playbook: {playbook.name}` in that drill, or name another one here"
        sheet.fault(None, "drill:", f"the drill {playbook.drill} is about {about}", mend)


def _look_at_notices(sheet: Sheet) -> None:
    for step in sheet.playbook.steps:
        if not isinstance(step, Notify):
            continue
        notice = sheet.around.notices.get(step.template)
        if notice is None:
            mend = meant(step.template, sheet.around.notices, f"write runbooks/notices/{step.template}.md")
            sheet.fault(step, "template:", f"there is no notice {step.template}", mend)
            continue
        for name in sorted(notice.takes - set(step.args)):
            sheet.fault(step, "template:", f"{step.template} needs {name}", f"write `with: {{{name}: …}}`")
        for name in sorted(set(step.args) - notice.takes):
            sheet.fault(step, f"{name}:", f"{step.template} says nothing of {name}", meant(name, notice.takes))


def _look_at_links(sheet: Sheet) -> None:
    prose = FENCE.sub("", "\n".join(sheet.playbook.sections.values()))
    said = [prose, *(text for step in sheet.playbook.steps for text in texts(step))]
    for target in sorted({target for text in said for target in _LINK.findall(text)}):
        path, _, anchor = target.partition("#")
        place = (ROOT / sheet.playbook.path).parent / path if path else None
        if target.startswith(_ELSEWHERE) or names(target):
            continue
        if place is not None and not place.is_file():
            near = meant(Path(path).name, (each.name for each in place.parent.glob("*.md")), "name a file that exists")
            sheet.fault(None, f"({target}", f"the link to {target} leads nowhere", near)
        elif anchor and anchor not in (there := _anchors(place, sheet)):
            sheet.fault(None, f"({target}", f"the link to {target} leads nowhere", meant(anchor, there))


def _anchors(place: Path | None, sheet: Sheet) -> set[str]:
    text = place.read_text() if place is not None else "\n".join(sheet.lines)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in headings}


def between(library: Library, around: Around) -> Iterable[Fault]:
    """What is missing or claimed twice, seen from the side of alerts and drills."""
    broken = {fault.path for fault in library.faults}
    for name, path in sorted({alert.name: alert.playbook for alert in around.alerts}.items()):
        owner = library.for_alert(name)
        if owner is None and path not in broken:
            yield Fault(path, 1, f"{name} has no playbook", f"write {path}")
        for extra in (each for each in library.all if name in each.alerts and each is not owner):
            mend = f"one alert starts one playbook: leave it to {owner.name if owner else name}"
            yield Fault(extra.path, 1, f"{name} has two playbooks", mend)
    for drill, name in sorted((around.drills or {}).items()):
        playbook = library.get(name)
        if name and (playbook is None or not playbook.drill):  # beside its own a playbook may have harder ones
            path = f"runbooks/drills/{drill}.md"
            problem = f"it is about {name}, which " + (
                "there is not" if playbook is None else "names no drill of its own"
            )
            mend = (
                meant(name, (each.name for each in library.all))
                if playbook is None
                else f"write `drill: {drill}` in {playbook.path}"
            )
            yield Fault(path, 1, problem, mend)
