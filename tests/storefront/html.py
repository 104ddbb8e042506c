"""What a page says, read as a browser reads it: forms with their fields, headings, links, and everything it would load."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "img", "hr"}
SILENT = {"script", "style", "template"}


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """`tags` is every element with its attributes in order; `text` is what is read."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.forms: list[Form] = []
        self.by_tag: dict[str, list[str]] = {}
        self._open: list[str] = []
        self._words: list[str] = []
        self.unclosed: list[str] = []
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._words).split())

    @property
    def title(self) -> str:
        return " ".join(self.by_tag["title"])

    @property
    def headings(self) -> list[str]:
        return [words for tag in ("h1", "h2", "h3") for words in self.by_tag.get(tag, []) if words]

    @property
    def links(self) -> list[str]:
        return [attributes["href"] for tag, attributes in self.tags if tag == "a"]

    def form(self, action: str) -> Form:
        return next(form for form in self.forms if form.action == action)

    def with_class(self, name: str) -> list[dict[str, str]]:
        return [each for _, each in self.tags if name in each.get("class", "").split()]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        if tag not in VOID:
            self._open.append(tag)
            self.by_tag.setdefault(tag, []).append("")
        if tag == "form":
            self.forms.append(Form(attributes["action"], attributes["method"]))
        unchosen = attributes.get("type") == "radio" and "checked" not in attributes
        if tag == "input" and self.forms and not unchosen:
            self.forms[-1].fields[attributes["name"]] = attributes.get("value", "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.unclosed.append(tag)

    def handle_data(self, data: str) -> None:
        if any(tag in SILENT for tag in self._open):
            return
        self._words.append(data)
        for tag in set(self._open):
            self.by_tag[tag][-1] = " ".join(f"{self.by_tag[tag][-1]} {data}".split())
