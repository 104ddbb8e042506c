"""A playbook's Markdown becomes data, or all its faults with line and mend. Pure.

What can be said of the file alone is said here; what needs the registry, the alerts or the metrics is the linter's
(`lint`). Prose stays prose: fences of promql, console and sql are for people, and a `promql` fence under Diagnosis is kept
as evidence too, one step a line.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from markdown_it import MarkdownIt
from markdown_it.token import Token

from runbooks.engine.faults import BrokenError, Fault, Faults, meant
from runbooks.engine.fences import KINDS, Fence, read_step
from runbooks.engine.fields import Field, parse
from runbooks.engine.matter import Matter, read_matter, stand_in
from runbooks.engine.playbook import HEADINGS, Act, Autonomy, Evidence, Playbook, Step

__all__ = ["BrokenError", "Fault", "read_playbook"]

MOST_BYTES = 64 * 1024  # a page for a telephone is a twentieth of it
_VERSION = 12  # hexadecimal digits
_EDGE = "---"


@dataclass
class Page:
    """The body of a file: its headings with their lines, its fences, and the Markdown below each heading."""

    title: tuple[str, int] = ("", 1)
    headings: list[tuple[str, int]] = field(default_factory=list)
    fences: list[Fence] = field(default_factory=list)
    sections: dict[str, str] = field(default_factory=dict)


def read_playbook(text: str, path: str) -> Playbook:
    """The playbook of a file named `<Name>.md`; `BrokenError` brings all that is wrong with it."""
    faults = Faults(path)
    if len(text.encode(errors="replace")) > MOST_BYTES:
        faults.add(
            1, f"the file is larger than {MOST_BYTES // 1024} KB", "a playbook is one page; move the rest elsewhere"
        )
        raise BrokenError(faults.found)
    name = PurePosixPath(path).stem
    lines = text.replace("\r\n", "\n").split("\n")
    matter, body_line = _matter(lines, name, faults)
    page = _page(lines, body_line, faults)
    _judge(page, name, faults)
    steps = tuple(_steps(page, faults))
    if faults.found:
        raise BrokenError(faults.found)
    usual = Autonomy.SUGGEST if any(isinstance(each, Act) for each in steps) else Autonomy.OBSERVE
    return Playbook(
        **{**vars(matter), "autonomy": matter.autonomy or usual},
        version=hashlib.sha256(text.encode(errors="replace")).hexdigest()[:_VERSION],
        path=path,
        steps=steps,
        sections=page.sections,
    )


def _matter(lines: list[str], name: str, faults: Faults) -> tuple[Matter, int]:
    """The front matter, and how many lines it takes."""
    if not lines or lines[0].rstrip() != _EDGE:
        faults.add(1, "there is no front matter", f"begin with ---, `runbook: {name}`, `domain: …` and ---")
        return stand_in(name), 0
    end = next((number for number, line in enumerate(lines) if number and line.rstrip() == _EDGE), None)
    if end is None:
        faults.add(1, "the front matter is never closed", f"put a line {_EDGE} below it")
        return stand_in(name), len(lines)
    written = parse("\n".join(lines[1:end]), 2, faults)
    return read_matter(
        written or Field(2, {"runbook": Field(2, name), "domain": Field(2, "monitoring")}), name, faults
    ), (end + 1)


def _page(lines: list[str], skipped: int, faults: Faults) -> Page:
    body = lines[skipped:]
    tokens = MarkdownIt("commonmark").disable("inline").parse("\n".join(body))
    page, heading, begun = Page(), "", 0
    for index, token in enumerate(tokens):
        if token.map is None:
            continue
        at = skipped + token.map[0] + 1
        if token.type == "fence":
            _fence(page, token, at, heading=heading, body=body, faults=faults)
        elif token.type == "heading_open" and token.level == 0 and token.tag in {"h1", "h2"}:
            said = tokens[index + 1].content.strip()
            if token.tag == "h1":
                _title(page, said, at, faults)
                continue
            _close(page, heading, body[begun : token.map[0]])
            heading, begun = said, token.map[1]
            page.headings.append((said, at))
    _close(page, heading, body[begun:])
    return page


def _title(page: Page, said: str, line: int, faults: Faults) -> None:
    if page.title[0] or page.headings:
        faults.add(line, f"# {said} is a second title", "write ## for a heading, ### below one")
    else:
        page.title = (said, line)


def _close(page: Page, heading: str, body: list[str]) -> None:
    if heading:
        page.sections.setdefault(heading, "\n".join(body).strip())


def _fence(page: Page, token: Token, line: int, *, heading: str, body: list[str], faults: Faults) -> None:
    fence = Fence(token.info.strip(), token.content, line, heading)
    end = body[token.map[1] - 1].strip() if token.map and token.map[1] - token.map[0] > 1 else ""
    if set(end) != {token.markup[0]} or len(end) < len(token.markup):
        faults.add(line, "the fence is never closed", f"put a line {token.markup} below it")
    elif token.level and fence.kind in KINDS:
        faults.add(line, f"a {fence.kind} stands in a list or quotation", "move it to the left margin")
    page.fences.append(fence)


def _judge(page: Page, name: str, faults: Faults) -> None:
    """Title and headings: the same eight in every playbook, in their order, none of them empty."""
    if page.title[0] != name:
        faults.add(
            page.title[1],
            f"the title is not the name of the file: {page.title[0] or 'there is none'}",
            f"write # {name}",
        )
    told = [said for said, _ in page.headings]
    for number, (said, line) in enumerate(page.headings):
        if said not in HEADINGS:
            faults.add(
                line, f"{said} is no heading of a playbook", meant(said, HEADINGS, "write ### for one of your own")
            )
        elif said in told[:number]:
            faults.add(line, f"{said} stands twice", "put both parts under one heading")
        elif any(HEADINGS.index(said) < HEADINGS.index(each) for each in told[:number] if each in HEADINGS):
            faults.add(line, f"{said} is not in its place", f"the order is {', '.join(HEADINGS)}")
        if not page.sections.get(said):
            faults.add(line, f"nothing stands under {said}", "say it in a sentence, or that there is nothing to do")
    for missing in (each for each in HEADINGS if each not in told):
        faults.add(page.title[1], f"there is no heading {missing}", f"add ## {missing} in its place")


def _steps(page: Page, faults: Faults) -> Iterator[Step]:
    taken: dict[str, int] = {}
    for step in _read_all(page, faults):
        if step.name in taken:
            mend = f"the other stands in line {taken[step.name]}; give this one a name of its own"
            faults.add(step.line, f"there are two steps named {step.name}", mend)
        taken.setdefault(step.name, step.line)
        yield step


def _read_all(page: Page, faults: Faults) -> Iterator[Step]:
    shown = 0
    for fence in page.fences:
        if fence.kind == "promql" and fence.heading == "Diagnosis":
            for number, query in _queries(fence):
                shown += 1
                yield Evidence(f"diagnosis-{shown}", number, fence.heading, query)
        elif (step := read_step(fence, faults)) is not None:
            yield step


def _queries(fence: Fence) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(fence.body.splitlines(), fence.line + 1):
        if re.sub(r"^#.*", "", line.strip()):
            yield number, line.strip()
