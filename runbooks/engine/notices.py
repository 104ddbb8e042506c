"""Notices: what customers, support or the owner are told, as templates in two languages; a person reads and sends them.

One file a notice, `runbooks/notices/<name>.md`: front matter (`notice`, `to`), then `## en` and `## es`, each with a first
line in bold, the subject. `{name}` is filled in by the playbook; both languages ask for the same names.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runbooks.engine.facts import Facts, fill, names
from runbooks.engine.faults import BrokenError, Faults, meant
from runbooks.engine.fences import AUDIENCES
from runbooks.engine.fields import parse
from runbooks.engine.forms import Form

NOTICES = Path(__file__).parents[1] / "notices"
LANGUAGES = ("en", "es")
_SUBJECT = re.compile(r"\*\*(.+)\*\*")


@dataclass(frozen=True)
class Words:
    """A notice in one language."""

    subject: str
    body: str


@dataclass(frozen=True)
class Notice:
    """A template; `takes` are the names it asks for."""

    name: str
    to: str
    words: Mapping[str, Words]

    @property
    def takes(self) -> frozenset[str]:
        return frozenset(name for each in self.words.values() for name in names(each.subject) | names(each.body))


def load_notices(folder: Path = NOTICES) -> dict[str, Notice]:
    """All notices by name; raises `BrokenError` with the faults of all files."""
    found, faults = {}, []
    for path in sorted(folder.glob("*.md")):
        try:
            found[path.stem] = read_notice(path.read_text(), f"runbooks/notices/{path.name}")
        except BrokenError as error:
            faults += error.faults
    if faults:
        raise BrokenError(faults)
    return found


def read_notice(text: str, path: str) -> Notice:
    """The notice of a file; `BrokenError` brings all that is wrong with it."""
    faults, name = Faults(path), Path(path).stem
    parts = re.split(r"^---[ \t]*$", text, maxsplit=2, flags=re.MULTILINE)
    if len(parts) != 3 or parts[0].strip():  # noqa: PLR2004 - nothing, front matter, body
        faults.add(1, "there is no front matter", f"begin with ---, `notice: {name}`, `to: customers` and ---")
        raise BrokenError(faults.found)
    form = Form(field, ("notice", "to"), "the front matter", faults) if (field := parse(parts[1], 1, faults)) else None
    to = form.text("to") if form is not None else ""
    if form is not None and form.text("notice") != name:
        form.fault(form.at("notice"), "notice is not the name of this file", f"write `notice: {name}`")
    if to not in AUDIENCES:
        faults.add(
            form.at("to") if form is not None else 1, f"{to or 'nothing'} is nobody to tell", meant(to, AUDIENCES)
        )
    words = _words(parts[2], text, faults)
    asked = {frozenset(names(each.subject) | names(each.body)) for each in words.values()}
    if len(asked) > 1:
        faults.add(1, "the languages ask for different names", "use the same {names} in each")
    if faults.found:
        raise BrokenError(faults.found)
    return Notice(name, to, words)


def _words(body: str, text: str, faults: Faults) -> dict[str, Words]:
    pieces = re.split(r"^## (.+)$", body, flags=re.MULTILINE)
    found = {}
    for language, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        line = next(n for n, each in enumerate(text.splitlines(), 1) if each.strip() == f"## {language}".strip())
        subject, _, rest = piece.strip().partition("\n")
        said = _SUBJECT.fullmatch(subject.strip())
        if language not in LANGUAGES:
            faults.add(line, f"{language} is no language of ours", meant(language, LANGUAGES))
        elif said is None or not rest.strip():
            faults.add(line, f"{language} has no subject or no text", "write **Subject**, an empty line, and the text")
        else:
            found[language] = Words(said[1], rest.strip())
    for missing in (each for each in LANGUAGES if f"## {each}" not in body):
        faults.add(1, f"it does not say it in {missing}", f"add ## {missing}")
    return found


def draft(notice: Notice, facts: Facts) -> dict[str, Words]:
    """The notice in each language with its names filled in; raises `NoFactError` for one that is not known."""
    return {
        language: Words(fill(each.subject, facts), fill(each.body, facts)) for language, each in notice.words.items()
    }
