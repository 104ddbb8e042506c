"""Card numbers of every network for tests, and texts that only look like one."""

from hypothesis import strategies as st

from service.telemetry.cards import passes_luhn

# First digits and length, a row a network.
KINDS = [
    ("4", 16), ("4", 13), ("4", 19), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15), ("36", 14),
    ("3056", 14), ("6011", 16), ("65", 16), ("3528", 16), ("62", 16), ("62", 19), ("5018", 16), ("6759", 18), ("2202", 16),
]  # fmt: skip
GAPS = (" ", "-", ".", "\u00a0", "\u2011", "\u2009", "  ", " - "[:2])


def completed(start: str, length: int, filling: str) -> str:
    """The number that begins so and passes Luhn."""
    body = (start + filling)[: length - 1]
    return next(body + str(digit) for digit in range(10) if passes_luhn(body + str(digit)))


@st.composite
def cards(draw: st.DrawFn) -> str:
    """The digits of a number that could have been issued."""
    start, length = draw(st.sampled_from(KINDS))
    return completed(start, length, draw(st.text("0123456789", min_size=19, max_size=19)))


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str]:
    """A number, and how a person writes it: at once, in fours, or with a gap anywhere."""
    digits = draw(cards())
    gap, way = draw(st.sampled_from(GAPS)), draw(st.sampled_from(["plain", "fours", "anywhere"]))
    if way == "plain":
        return digits, digits
    if way == "fours":
        return digits, gap.join(digits[at : at + 4] for at in range(0, len(digits), 4))
    places = draw(st.sets(st.integers(1, len(digits) - 1), max_size=6))
    return digits, "".join(gap * (at in places) + digit for at, digit in enumerate(digits))
