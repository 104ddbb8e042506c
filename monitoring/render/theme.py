"""Colours and type of the drawing: light, quiet, and told apart by people who do not see red and green."""

from collections.abc import Sequence
from typing import Any

Steps = list[dict[str, Any]]

INK, SOFT, FAINT, LINE, CARD, GROUND = "#1c2230", "#5b6475", "#98a1b3", "#e6e9f0", "#ffffff", "#f3f5f9"
_NAMED = {
    "green": "#1a8f5a",
    "yellow": "#d98a00",
    "red": "#d4344a",
    "blue": "#2f6fde",
    "purple": "#8250c4",
}
PALETTE = (
    *("#2f6fde", "#e08a1e", "#1a9e77", "#c2417f", "#7a56c9", "#5aa9e6", "#a6761d", "#d4344a", "#4d8b31", "#6b7488"),
    *("#1fb5ad", "#b87fd6"),
)
OUTCOMES = {  # what means the same on each page looks the same on each page
    **dict.fromkeys(
        ("ok", "opened", "approved", "accepted", "applied", "moved", "paid", "sent", "delivered"), "#1a9e77"
    ),
    **dict.fromkeys(("error", "dead", "failed", "gateway_error", "bad", "bad_signature", "no_ticket"), "#d4344a"),
    **dict.fromkeys(("declined", "retried", "sold_out", "waiting", "challenged"), "#e08a1e"),
    **dict.fromkeys(("already", "duplicate", "ignored", "abandoned", "all"), "#8b94a7"),
}
_LIGHTER = (0, 0.3, 0.5, 0.65, 0.78)
FONT = "Inter, 'Liberation Sans', 'Helvetica Neue', Arial, sans-serif"


def colour_of(name: str) -> str:
    return _NAMED.get(name, name)


def colours(names: Sequence[str]) -> list[str]:
    """One a line: by what its last word means, lighter the second time it means the same; else the next of the palette."""
    found: list[str] = []
    for place, name in enumerate(names):
        meant = OUTCOMES.get(name.rpartition(" ")[2])
        free = [each for each in (*PALETTE[place % len(PALETTE) :], *PALETTE) if each not in found]
        lighter = [_mixed(meant, "#ffffff", share) for share in _LIGHTER] if meant else free
        found.append(next((each for each in lighter if each not in found), PALETTE[place % len(PALETTE)]))
    return found


def shade(share: float) -> str:
    """From nearly white to deep blue."""
    return _mixed("#e2ecfc", "#173e8c", share)


def _mixed(one: str, other: str, share: float) -> str:
    pairs = zip(bytes.fromhex(one[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
