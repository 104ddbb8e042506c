"""Templates, and Markdown that comes from playbooks and people: rendered with HTML switched off, links to playbooks kept."""

import re
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import jinja2
from markdown_it import MarkdownIt
from markupsafe import Markup

HERE = Path(__file__).parent
STATIC = HERE / "static"
_PLAYBOOK = re.compile(r'href="(?:\./)?(?:runbooks/playbooks/)?(\w+)\.md(?:#[\w-]*)?"')
_LINK = re.compile(r"\[([^\]]+)\]\([^)\s]*\)")
_MANY_S = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


class Renderer:
    """Pages from templates; `dashboards` is where links like /d/oncall lead, nowhere when it is empty."""

    def __init__(self, dashboards: str = "") -> None:
        loader = jinja2.FileSystemLoader(HERE / "templates")
        self._dashboards = dashboards
        self._pages = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
        self._pages.filters |= {
            "markdown": self.markdown,
            "markdown_line": self.markdown_line,
            "since": since,
            "unlinked": unlinked,
            "iso": lambda at: datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
            "plain": lambda value: (
                "not known" if value is None else str(value).lower() if value in (True, False) else value
            ),
        }
        self._pages.globals |= {"built": built(), "operator": None, "live": "", "passive": "", "may_act": False}

    def page(self, template: str, **context: Any) -> str:
        return self._pages.get_template(template).render(**context)

    def markdown(self, text: str) -> Markup:
        """Paragraphs, lists, fences; raw HTML stays text."""
        return self._linked(_markdown().render(text))

    def markdown_line(self, text: str) -> Markup:
        """The same for one line."""
        return self._linked(_markdown().renderInline(text.replace("\n", " ")))

    def _linked(self, html: str) -> Markup:
        html = _PLAYBOOK.sub(r'href="/playbooks/\1"', html)
        if self._dashboards:
            html = re.sub(r"(?<![\w/\"])/d/([a-z]+)", rf'<a href="{self._dashboards}/d/\1">/d/\1</a>', html)
        return Markup(html)  # noqa: S704 - made by the renderer, which lets no HTML of the text through


def unlinked(text: str) -> str:
    """The words of Markdown's links alone, for where a link cannot stand."""
    return _LINK.sub(r"\1", text)


def since(at: float) -> str:
    """How long ago, in words."""
    passed = max(0, int(datetime.now(UTC).timestamp() - at))
    for size, word in _MANY_S:
        if passed >= size:
            count = passed // size
            return f"{count} {word}{'s' if count > 1 else ''} ago"
    return "just now"


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


@cache
def built() -> str:
    """Changes when a file of the pages does, so that no browser keeps an old one."""
    return sha256(b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()))).hexdigest()[:8]
