"""How a card number looks: 12 to 19 digits of a network's range that pass Luhn, however they are grouped.

Found in free text for two ends: requests that hold one are refused before anything reads them, and logs and traces lose
them. Letters may touch it (`card4242…`). Not taken for one: what is part of an id, which has other digits in the same
word, or of a longer number; UUIDs, telephone numbers with their plus, times. The time is linear in the length.
"""

import re
import unicodedata

LEAST, MOST = 13, 19  # digits
_PHONE_MOST = 15  # digits of a telephone number (E.164)
# Between two digits: at most three of space, hyphen, dot, and what looks like them or like nothing.
_GAP = "[ \t.\u00a0\u00ad\u2000-\u200d\u2010-\u2015\u202f\u2060\u2212\ufeff-]"
_LONG = re.compile(rf"(?<!\d)\d(?:{_GAP}{{0,3}}\d){{{LEAST - 1},}}(?!\d)")
_PLAIN = re.compile(rf"(?<!\w)\d{{{LEAST},{MOST}}}(?!\w)")
_WORD_BEFORE, _WORD_BEHIND = re.compile(r"\w+\Z"), re.compile(r"\w+")
_NEAR = 32  # characters of the word around a number that are looked at
_UUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE | re.ASCII)
_NOT_DIGIT = re.compile(r"\D")
_ANY_DIGIT = re.compile(r"\d")
_DIGITS = re.compile(r"\d+")
_LEAST_GROUP, _MOST_GROUPS = 3, 6  # as people write them: 4-4-4-4, 4-6-5, 4-4-4-4-3

# Who issues what: first digits from, to (both as long as written), and the lengths.
_RANGES: tuple[tuple[str, str, range], ...] = (
    ("4", "4", range(13, 20, 3)),  # Visa: 13, 16, 19
    ("51", "55", range(16, 17)),  # Mastercard
    ("2221", "2720", range(16, 17)),
    ("34", "34", range(15, 16)),  # American Express
    ("37", "37", range(15, 16)),
    ("300", "305", range(14, 20)),  # Diners Club
    ("3095", "3095", range(14, 20)),
    ("36", "36", range(14, 20)),
    ("38", "39", range(14, 20)),
    ("3528", "3589", range(16, 20)),  # JCB
    ("6011", "6011", range(16, 20)),  # Discover
    ("644", "659", range(16, 20)),
    ("62", "62", range(16, 20)),  # UnionPay
    ("81", "81", range(16, 20)),
    ("50", "50", range(13, 20)),  # Maestro
    ("56", "58", range(13, 20)),
    ("60", "60", range(16, 17)),  # RuPay
    ("63", "63", range(13, 20)),
    ("67", "67", range(13, 20)),
    ("2200", "2204", range(16, 20)),  # Mir
)
# The first two digits of all of these: most numbers are told apart here.
_STARTS = frozenset(
    f"{start:02}" for first, last, _ in _RANGES for start in range(int(f"{first}0"[:2]), int(f"{last}9"[:2]) + 1)
)


def passes_luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        doubled = int(digit) << (position & 1)
        total += doubled - 9 if doubled > 9 else doubled  # noqa: PLR2004 - the digit sum of a number below 20
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Whether these digits, and nothing but digits, are the number of a card some network may have issued."""
    return (
        LEAST <= len(digits) <= MOST
        and digits[:2] in _STARTS
        and any(first <= digits[: len(first)] <= last and len(digits) in sizes for first, last, sizes in _RANGES)
        and passes_luhn(digits)
    )


def has_card(text: str, *, grouped: bool = True) -> bool:
    """Whether a card number stands in the text. Not `grouped`: only one that is written without gaps."""
    text = _in_ascii(text)
    pattern = _LONG if grouped else _PLAIN
    if not any(_of_card(text, found) for found in pattern.finditer(text)):
        return False
    bare = _UUID.sub(" x ", text)  # an id of digits alone is rare, so it is looked for last
    return any(_of_card(bare, found) for found in pattern.finditer(bare))


def hide_cards(text: str) -> str:
    """The text with each card number as its last four digits."""
    text = _in_ascii(text)
    return _LONG.sub(lambda found: f"[card {_of_card(text, found)}]" if _of_card(text, found) else found[0], text)


def _in_ascii(text: str) -> str:
    """With the digits of every script as ours, each in its place."""
    return text if text.isascii() else _ANY_DIGIT.sub(lambda found: str(unicodedata.digit(found[0])), text)


def _of_card(text: str, found: re.Match[str]) -> str:
    """The last four digits when this run of digits, or some groups of it, is a card's number; else nothing."""
    digits, groups = _NOT_DIGIT.sub("", found[0]), _DIGITS.findall(found[0])
    begins_id, ends_id = _ends_id(text, found.start()), _begins_id(text, found.end())
    if is_card(digits) and not (begins_id or ends_id):
        is_phone = len(digits) <= _PHONE_MOST and text.startswith("+", max(found.start() - 1, 0))
        return "" if is_phone else digits[-4:]
    return _in_groups(groups, begins_id=begins_id, ends_id=ends_id)


def _ends_id(text: str, end: int) -> bool:
    """Whether what stands directly before is a word with other digits in it."""
    word = _WORD_BEFORE.search(text, max(end - _NEAR, 0), end)
    return word is not None and _ANY_DIGIT.search(word[0]) is not None


def _begins_id(text: str, start: int) -> bool:
    word = _WORD_BEHIND.match(text, start, start + _NEAR)
    return word is not None and _ANY_DIGIT.search(word[0]) is not None


def _in_groups(groups: list[str], *, begins_id: bool, ends_id: bool) -> str:
    """The same for neighbouring groups: a date or a code may stand beside the number, and an id at either end."""
    for start, first in enumerate(groups):
        if len(first) < _LEAST_GROUP or first[:2] not in _STARTS or (begins_id and start == 0):
            continue
        digits = ""
        for number, group in enumerate(groups[start : start + _MOST_GROUPS], start):
            digits += group
            if is_card(digits) and not (ends_id and number == len(groups) - 1):
                return digits[-4:]
            if len(digits) > MOST:
                break
    return ""
