"""No card number comes in: found however it is written and wherever it stands, and nothing else is taken for one."""

import json
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.kernel.clock import utc_now
from service.kernel.ids import Ids
from service.shield.rules import holds_card, key_is_card
from service.telemetry.cards import has_card, hide_cards, is_card
from service.telemetry.redaction import redact_text
from tests.shield.numbers import cards, written

WORDS = st.text(st.characters(categories=["L", "Zs", "Po"]), max_size=20)
EDGE = st.sampled_from(["", " ", ": ", ",", "(", ")", "\n", "#"])


@given(written(), WORDS, EDGE, EDGE, WORDS)
def test_a_number_is_found_in_any_text(number, before, edge, other_edge, after):
    """At once or in groups, between any words."""
    text = f"{before}{edge or ' '}{number[1]}{other_edge or ' '}{after}"

    assert has_card(text)
    assert number[0] not in hide_cards(text)
    assert number[1] not in redact_text(text)


@given(written(), st.sampled_from(["note", "customer.name", "a b"]), st.booleans())
def test_it_is_found_behind_every_way_of_escaping(number, name, pretty):
    """JSON with escapes, as a number, as a name, deep inside; forms and queries."""
    digits, text = number
    escaped = "".join(f"\\u{ord(each):04x}" for each in text)
    bodies = [
        json.dumps({name: text}, indent=2 if pretty else None),
        json.dumps({name: [{"x": {"y": [text]}}]}, ensure_ascii=False),
        json.dumps({text: 1}),
        f'{{"{name}": "{escaped}"}}',
        f'{{"{name}": {digits}}}',
        urlencode({name: text}),
        f"{quote(name)}={''.join(f'%{each:02x}' for each in text.encode())}",
    ]

    assert [] == [body for body in bodies if not holds_card(body.encode())]


@given(st.uuids(), st.integers(0, 2**128 - 1), st.binary(min_size=32, max_size=32))
def test_ids_are_no_cards(uuid, number, token):
    """UUIDs, as idempotency keys often are, our own ids, hexadecimal digests and tokens."""
    ids = Ids(utc_now)
    for text in (str(uuid), ids.new("ord"), f"ORDER-{number:032x}"[:20] + "x", ids.token(), f"cs_test_{token.hex()}"):
        assert not has_card(text), text
        assert not holds_card(json.dumps({"orderId": text, "quantity": 2}).encode()), text
    assert not key_is_card(str(uuid))


@given(st.integers(1_577_836_800, 2_177_452_800))  # 2020 to 2038
def test_times_are_no_cards(seconds):
    """As people, machines and clocks write them; also as the key of a client that counts its milliseconds."""
    moment, ms = datetime.fromtimestamp(seconds, UTC), seconds * 1000
    for text in (moment.isoformat(), f"{moment:%Y-%m-%d %H:%M:%S}", f"{moment:%Y%m%d%H%M%S}", str(ms), str(ms * 1000)):
        assert not has_card(text), text
        assert not key_is_card(text), text


@given(
    st.text("0123456789", min_size=7, max_size=15).filter(lambda text: text[0] != "0"), st.sampled_from(["", " ", "-"])
)
def test_telephone_numbers_are_no_cards(digits, gap):
    """With the plus that people write in front of a country's code."""
    assert not has_card(f"call +{gap.join(digits[at : at + 3] for at in range(0, len(digits), 3))} please")


@given(st.text("0123456789", min_size=1, max_size=30))
def test_a_number_that_no_network_issues_is_none(digits):
    """Neither by its range nor by its check digit; and no longer number is a card because a part of it could be."""
    assume(not is_card(digits))

    assert not has_card(digits)
    assert digits == hide_cards(digits)


@given(cards(), st.sampled_from(["x7", "_0", "7"]))
def test_a_part_of_a_word_is_no_card(digits, glued):
    """Ids have digits of their own beside the letters; a longer number is no card for a part of it."""
    assume(not glued.isdigit() or not is_card(glued + digits))

    assert not has_card(glued + digits)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4242 4242 4242 4242 12/29 123", True),  # with what stands beside it on the card
        ("2026-11-23 4242 4242 4242 4242", True),
        ("tarjeta 3782 822463 10005", True),
        ("4242.4242.4242.4242", True),
        ("٤٢٤٢ ٤٢٤٢ ٤٢٤٢ ٤٢٤٢", True),  # Arabic digits
        ("\uff15" * 12 + "\uff14" * 4, True),  # full width
        ("4242\u200b4242\u200b4242\u200b4242", True),  # with nothing one could see between
        ("card4242424242424242", True),  # letters may touch it
        ("Ana4242 4242 4242 4242", True),
        ("pan_4242424242424242x", True),
        ("4242 - 4242 - 4242 - 4242", True),
        ("4242 4242 4242 4241", False),  # the check digit
        ("0000 0000 0000 0000", False),
        ("1234 5678 9012 3452", False),  # passes, but nobody issues it
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/131.0.6778.108 Safari/537.36", False),
        ("IBAN DE89 3704 0044 0532 0130 00", False),
        ("10.0.0.1 192.168.178.255", False),
    ],
)
def test_what_people_write(text, expected):
    """A row each."""
    assert expected is has_card(text)


@pytest.mark.parametrize(
    "piece", ["4", "4 ", "4242 ", "4242-", "42 ", "444 ", "2221 0000 0000 000", "\\u0034", "%34", "4.", "٤ "]
)
def test_the_longest_body_is_looked_through_in_no_time(piece):
    """Whatever stands in it."""
    started = datetime.now(UTC)
    holds_card((piece * 65_536)[:65_536].encode()[:65_536])

    assert (datetime.now(UTC) - started).total_seconds() < 1.5
