"""The documents as data: their links, the names they use, and the commands they tell a reader to type.

Commands stand in fenced blocks of the language `console`, in lines that begin with `$ ` (a backslash at the end continues). A
block is run by `test_commands.py`, all blocks of a document in one shell, unless a comment right behind it says
`<!-- not run: why -->`; then only its words are checked.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.shape.tree import ROOT

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"\s*<!-- not run: .+? -->")
GENERATED = re.compile(r"<!-- generated: .*?<!-- /generated -->", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """The commands of one fenced block, and whether a test may run them."""

    place: str
    commands: tuple[str, ...]
    runs: bool


@dataclass(frozen=True)
class Document:
    path: str
    text: str

    @property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return FENCE.sub("", self.text)

    def links(self) -> Iterator[str]:
        """Targets of Markdown links and pictures."""
        yield from re.findall(r"\]\(([^)\s]+)[^)]*\)", self.prose)

    def code(self) -> Iterator[str]:
        """What stands between backticks in the prose."""
        yield from re.findall(r"`([^`\n]+)`", self.prose)

    def anchors(self) -> set[str]:
        """What a link may point at, spelt as code hosts spell it."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}

    def blocks(self) -> Iterator[Block]:
        """The console blocks, in order."""
        for found in FENCE.finditer(self.text):
            if found[1] == "console":
                line = self.text[: found.start()].count("\n") + 1
                runs = NOT_RUN.match(self.text, found.end()) is None
                yield Block(f"{self.path}:{line}", tuple(_commands(found[2])), runs)


def _commands(text: str) -> Iterator[str]:
    joined = text.replace("\\\n", " ")
    yield from (line.removeprefix("$ ").strip() for line in joined.splitlines() if line.startswith("$ "))


def documents() -> list[Document]:
    """The Markdown files of the project."""
    paths = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
    return [_read(path) for path in paths]


def playbooks() -> list[Document]:
    """What to do when an alert fires, one file an alert. Their commands are for bad days: they are checked, and not run here."""
    return [_read(path) for path in sorted((ROOT / "runbooks" / "playbooks").glob("*.md"))]


def _read(path: Path) -> Document:
    return Document(path.relative_to(ROOT).as_posix(), path.read_text())


def resolves(document: Document, target: str) -> bool:
    """Whether a link of this document leads somewhere."""
    if target.startswith(("http://", "https://", "mailto:")):
        return True  # other people's pages are not ours to keep
    path, _, anchor = target.partition("#")
    place = (ROOT / document.path).parent / path if path else ROOT / document.path
    if not place.exists():
        return False
    if not anchor or place.suffix != ".md":
        return True
    return anchor in Document(str(place), place.read_text()).anchors()


def named_end_points(document: Document) -> set[str]:
    """Paths of our HTTP side that the prose names: `/health/live`, `POST /api/payment/refund`, a full loopback address."""
    pattern = re.compile(r"(?:[A-Z]+ )?(?:http://127\.0\.0\.1:8000)?(/[\w.\-/{}]*)(?:\?.*)?")
    return {found[1] for code in document.code() if (found := pattern.fullmatch(code))}


def named_path(code: str) -> Path | None:
    """The path of this project that a piece of code names, if it looks like one."""
    top = code.partition("/")[0]
    if not top or not re.fullmatch(r"[\w.\-/]+/[\w.\-/]*", code) or not (ROOT / top).is_dir():
        return None
    return ROOT / code
