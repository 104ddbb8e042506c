"""What must not be written is not written, and what is needed to search a log stays readable."""

import time

import pytest

from service.telemetry.cards import passes_luhn
from service.telemetry.redaction import redact, redact_item, redact_text

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key sk_test_51HabcDEF used", "key sk_test_[redacted] used"),
        ("rk_live_51HabcDEF", "rk_live_[redacted]"),
        ("whsec_Zm9vYmFy+/==", "whsec_[redacted]"),
        ("pi_3Nabc_secret_xyz123", "pi_3Nabc_secret_[redacted]"),
        ("Authorization: Bearer cubano_live_k1_abcdefghijkl", "Authorization: Bearer [redacted]"),
        ("cubano_production_k1_abcdefghijkl", "cubano_production_k1_[redacted]"),
        ("ana: cubano_op_aB-cdefghijklmno", "ana: cubano_op_[redacted]"),
        ("cubano_bg_abc_defghijkl was it", "cubano_bg_[redacted] was it"),
        ("basic dXNlcjpwYXNz", "basic [redacted]"),
        (f"jwt {TOKEN}", "jwt [redacted]"),
        ("GET /order/ord_1?accessToken=abc123&x=1", "GET /order/ord_1?accessToken=[redacted]&x=1"),
        ("access_token=abc123", "access_token=[redacted]"),
        ('{"password": "geheim"}', '{"password": "[redacted]"}'),
        ("postgresql://cubano:geheim@127.0.0.1:5432/cubano", "postgresql://cubano:[redacted]@127.0.0.1:5432/cubano"),
        ("smtp://:geheim@mail", "smtp://:[redacted]@mail"),
        ("mail to ana.maria+fest@example.org failed", "mail to a***@example.org failed"),
        (f"session-{TOKEN}", "session-[redacted]"),
        (f"id.{TOKEN}/{TOKEN}", "id.[redacted]/[redacted]"),
        ("a" * 300 + "@example.org", "a***@example.org"),
        ("<ana@example.org>,o'hara@example.org.", "<a***@example.org>,o***@example.org."),
        ("ana@@example.org a@b@c.org", "ana@@example.org a@b***@c.org"),
        ("two: a@b.co, bob@mail.example.com", "two: a***@b.co, b***@mail.example.com"),
        ("BEARER ABCDEFGHIJKL", "BEARER [redacted]"),
        ("to\u212aen=abc", "to\u212aen=[redacted]"),  # a pattern takes the Kelvin sign for a k
        ("\u0664242424242424242", "[card 4242]"),  # digits of another script
        ("card 4242424242424242 declined", "card [card 4242] declined"),
        ("card 4000 0000 0000 9995", "card [card 9995]"),
        ("card 3782-822463-10005", "card [card 0005]"),
    ],
)
def test_secrets_in_text_are_hidden(text: str, expected: str):
    """Every form of credential, card number and address that we handle."""
    assert redact_text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "ord_01jz8m4w6v9q2t5x7y0a3b6c9d",
        "evt_1NG8Du2eZvKYlo2CUI79vXWy cs_test_a1b2c3",
        "4242424242424241",  # does not pass Luhn
        "1763895600123",  # milliseconds
        "order FEST-2026-0042 of 2026-11-23T03:36:38.123Z",
        "2 full-pass = 250.00 USD",
        "traceparent 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "http://127.0.0.1:8000/api/payment/order/{order_id}",
        "idempotency key reused",
        "3 tokens, basic economy, key: none",
    ],
)
def test_what_an_engineer_searches_for_stays(text: str):
    """Ids, times, amounts, routes and trace names are left as they are."""
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "key",
    [
        "authorization", "Cookie", "set-cookie", "password", "secret", "client_secret", "stripe_signature", "api_key", "apiKey",
        "access_token", "accessToken", "token", "cvc", "card_number", "database_url", "dsn", "webhook_secrets", "credentials",
    ],
)  # fmt: skip
def test_a_field_named_like_a_secret_has_no_value(key: str):
    """The name alone is enough, in any spelling."""
    assert redact_item(key, "anything at all") == "[redacted]"


@pytest.mark.parametrize(
    "key",
    [
        "order_id",
        "idempotency_key",
        "ticket_type",
        "keyboard",
        "tokens_left",
        "author",
        "company",
        "span_id",
        "pan_size",
    ],
)
def test_other_fields_keep_their_value(key: str):
    """A name that only resembles a secret's hides nothing."""
    assert redact_item(key, "value") == "value"


def test_a_long_name_is_looked_at_but_not_remembered():
    """What a client calls a field must not fill our memory."""
    assert "[redacted]" == redact_item("x" * 100 + "_password", "value")
    assert "value" == redact_item("x" * 100, "value")


def test_structures_are_cleaned_to_the_bottom():
    """Mappings, lists, objects and bytes become plain data without secrets, however deep."""

    class Customer:
        def __str__(self) -> str:
            return "Ana <ana@example.org>"

    loop: list[object] = []
    loop.append(loop)

    clean = redact(
        {"a": [{"token": "t", "n": 1, "who": Customer()}, b"raw"], "card": 4242424242424242, 7: None, "ok": True}
    )

    expected = {"a": [{"token": "[redacted]", "n": 1, "who": "Ana <a***@example.org>"}, "<3 bytes>"]}
    assert clean == expected | {"card": "[card 4242]", "7": None, "ok": True}
    assert isinstance(redact(loop), list)


def test_a_line_has_an_end():
    """A megabyte of text does not become a megabyte of log; a stack may be longer than a field."""
    long = "x" * 1_000_000

    assert 4_097 == len(redact_text(long)) == len(str(redact_item("event", long)))
    assert 16_385 == len(str(redact_item("exception", long)))


@pytest.mark.parametrize(
    "piece",
    [
        "a", "eyJ-", "eyJ-.", "eyJa.eyJ", "bearer ", "basic ", "basic\t", " ", "pi_", "pi_a_secret_", "cubano_a_", "cubano_a_a-", "cubano_op_",
        "token", "token=", "token ", "://", "://a:", "://:", "a@", "a@a.", "4", "4-", "-", ".", "whsec_",
    ],
)  # fmt: skip
@pytest.mark.parametrize(("before", "after"), [("", " @ eyJ"), ("token a@", " "), ("eyJ://bearer x@", "!")])
def test_no_text_takes_more_time_than_its_length(piece: str, before: str, after: str):
    """Sixteen times the text in far less than the square of the time: patterns neither overlap nor go back."""
    short, long = ((before + piece * (length // len(piece)))[:length] + after for length in (2_048, 32_768))

    once = min(_seconds(short) for _ in range(3))

    assert _seconds(long) < 16 * 6 * once + 0.05


def _seconds(text: str) -> float:
    started = time.process_time()
    redact_text(text, len(text))
    return time.process_time() - started


@pytest.mark.parametrize(
    ("digits", "expected"), [("4242424242424242", True), ("378282246310005", True), ("4242424242424241", False)]
)
def test_luhn(digits: str, expected: object):
    """The check digit of ISO/IEC 7812."""
    assert passes_luhn(digits) is expected
