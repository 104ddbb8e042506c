"""The PromQL that documents and playbooks show: what stands in fences of the language `promql`, one expression a line."""

from collections.abc import Iterator

from tests.docs.documents import FENCE, documents, playbooks


def queries() -> list[tuple[str, str]]:
    """Each expression with the file it stands in."""
    return [(document.path, line) for document in (*documents(), *playbooks()) for line in _lines(document.text)]


def _lines(text: str) -> Iterator[str]:
    for found in FENCE.finditer(text):
        if found[1] == "promql":
            yield from (line for line in found[2].splitlines() if line.strip())
