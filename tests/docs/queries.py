"""What documents and playbooks show to be asked of Prometheus, logs and database: fences of `promql`, `jq` and `sql`, one a line."""

from collections.abc import Iterator

from tests.docs.documents import FENCE, documents, playbooks


def queries() -> list[tuple[str, str]]:
    """Each PromQL expression with the file it stands in."""
    return asked("promql")


def asked(language: str) -> list[tuple[str, str]]:
    """Each line of a fence of that language with the file it stands in."""
    return [(page.path, line) for page in (*documents(), *playbooks()) for line in _lines(page.text, language)]


def _lines(text: str, language: str) -> Iterator[str]:
    for found in FENCE.finditer(text):
        if found[1] == language:
            yield from (line for line in found[2].splitlines() if line.strip())
