"""`render`: every playbook as a page of HTML that needs nothing else, to be printed, or kept where no server is.

Links between playbooks stay links; what leads out of the folder becomes plain text, and markup in a playbook is shown,
never taken over.
"""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from runbooks.commands.terminal import registry, tell_broken
from runbooks.engine import saying
from runbooks.engine.library import Library
from runbooks.engine.playbook import Playbook
from runbooks.engine.registry import Registry

INDEX = "index.html"


def render(folder: Path, out: Path) -> int:
    """Write a page for each playbook and an index into `out`; how many playbooks there are."""
    library, entries = Library.load(folder), registry()
    environment = Environment(
        loader=PackageLoader("runbooks.commands", "pages"), autoescape=True, undefined=StrictUndefined
    )
    out.mkdir(parents=True, exist_ok=True)
    names = {each.name for each in library.all}
    page = environment.get_template("playbook.html")
    for each in library.all:
        text = page.render(playbook=each, body=html(each, entries, names))
        (out / f"{each.name}.html").write_text(text, encoding="utf-8")
    text = environment.get_template(INDEX).render(playbooks=library.all)
    (out / INDEX).write_text(text, encoding="utf-8")
    tell_broken(library)
    return len(library.all)


def html(playbook: Playbook, entries: Registry | None, names: set[str]) -> Markup:
    """The body of a page. `names` are the playbooks that have one."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(saying.page(playbook, entries))
    for token in tokens:
        token.children = _within(token.children or [], names) if token.children is not None else None
    return Markup(markdown.renderer.render(tokens, markdown.options, {}))  # noqa: S704 - html is off: text is escaped


def _within(tokens: list[Token], names: set[str]) -> list[Token]:
    """The same with links to other pages of the folder; the text of any other link stays, its target goes."""
    kept, dropped = [], 0
    for token in tokens:
        if token.type == "link_open":
            target = _page(str(token.attrGet("href") or ""), names)
            if target is None:
                dropped += 1
                continue
            token.attrSet("href", target)
        elif token.type == "link_close" and dropped:
            dropped -= 1  # links do not nest
            continue
        kept.append(token)
    return kept


def _page(target: str, names: set[str]) -> str | None:
    if target.startswith("https://"):
        return target
    path, _, _ = target.partition("#")
    return f"{path.removesuffix('.md')}.html" if path.endswith(".md") and path.removesuffix(".md") in names else None
