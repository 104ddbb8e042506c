"""What may go wrong while a dashboard is drawn; each says in a sentence what to do.

Undrawable ── NoDashboard · NoAnswer · NotAnswered · NoBrowser
"""


class Undrawable(Exception):
    pass


class NoDashboard(Undrawable):
    """No such dashboard; `known` are those there are."""

    def __init__(self, name: str, known: list[str]) -> None:
        there = ", ".join(known) or "none: run `cubano monitor build`"
        super().__init__(f"There is no dashboard {name!r}. There are: {there}.")


class NoAnswer(Undrawable):
    """Prometheus is not where it was looked for."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(
            f"Prometheus does not answer at {url} ({why}). `cubano up` runs one; --prometheus names another."
        )


class NotAnswered(Undrawable):
    """Prometheus refuses an expression."""

    def __init__(self, expr: str, why: str) -> None:
        super().__init__(f"Prometheus refuses an expression: {why}\n  {expr}")


class NoBrowser(Undrawable):
    """A picture needs a browser; the HTML does not."""

    def __init__(self, why: str) -> None:
        super().__init__(f"No Chromium draws the picture ({why}). --out with .html needs none.")
