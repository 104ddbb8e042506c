"""What a password must be, and how a second factor is checked.

Passwords follow NIST SP 800-63B-4: long rather than odd, no expiry, and none that everybody tries first. Codes are TOTP
(RFC 6238) with one step of skew to either side; a code is taken once, and none from before it.
"""

import unicodedata
from base64 import b32encode
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

import pyotp
from email_validator import EmailNotValidError, validate_email

from service.kernel.errors import FieldError, Invalid

ISSUER = "A Lo Cubano"  # what an authenticator shows above the digits
FEWEST, MOST = 12, 256  # characters of a password
FEWEST_LEFT = 5  # different characters beside what everybody tries first
MOST_EMAIL, MOST_NAME = 254, 100
SKEW = 1  # steps of 30 s a clock may be off
SECRET_BYTES = 20  # of a TOTP secret, as RFC 4226 recommends
RECOVERY_CODES = 10

# Long passwords that are tried first are made of these; see the lists of leaked ones that every guesser has.
_TRIED_FIRST = (
    *("password", "passwort", "contrasena", "qwertyuiop", "qwerty", "asdfghjkl", "zxcvbnm", "qazwsx", "letmein", "welcome"),
    *("administrator", "admin", "iloveyou", "sunshine", "princess", "football", "baseball", "monkey", "dragon", "master"),
    *("abcdefghijklmnopqrstuvwxyz", "abcdefghijkl", "abcdef", "abc", "123456789", "987654321", "12345678", "123456", "1234", "123"),
    *("spring", "summer", "autumn", "winter", "monday", "january", "changeme", "secret", "default", "trustno", "login"),
    *("alocubano", "cubano", "boulder", "festival", "fest", "salsa"),
)  # fmt: skip
_CLOTHES = str.maketrans("@$0!", "asoi")  # how those words are dressed up


def read_email(text: str) -> str:
    """The address as it is kept: lower case. Raises `Invalid` when it is none."""
    if len(text) > MOST_EMAIL:
        raise Invalid([FieldError("email", "invalid_email", f"At most {MOST_EMAIL} characters.")])
    try:
        checked = validate_email(text.strip(), check_deliverability=False, strict=True, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise Invalid([FieldError("email", "invalid_email", str(error))]) from error
    return (checked.ascii_email or checked.normalized).lower()


def read_name(text: str) -> str:
    """A name as it is kept and shown. Raises `Invalid` when it is empty, endless or not printable."""
    name = " ".join(text.split())
    if not name or len(name) > MOST_NAME or not name.isprintable():
        raise Invalid([FieldError("name", "invalid", f"A name of 1 to {MOST_NAME} characters is needed.")])
    return name


def as_hashed(password: str) -> bytes:
    """The same bytes on every keyboard."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace")


def check_password(password: str, *, email: str, name: str) -> None:
    """Raises `Invalid` with the one thing to do about it."""
    if len(password) < FEWEST:
        raise _bad("too_short", f"Take {FEWEST} characters or more; a few words are easy to remember.")
    if len(password) > MOST:
        raise _bad("too_long", f"Take {MOST} characters or fewer.")
    own = [email, *email.replace("@", ".").split("."), *name.split()]
    if len(set(_beside(password, own))) < FEWEST_LEFT:
        raise _bad("too_common", "That is one of the first somebody would try. Take words that are only yours.")


def _beside(password: str, own: Iterable[str]) -> str:
    """What is left of it without the words that are tried first and those of the person's own name."""
    words = {*_TRIED_FIRST, *(each.casefold() for each in own if len(each) > 2)}  # noqa: PLR2004 - "a" is no word
    rest = password.casefold()
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "")
        rest = rest.translate(_CLOTHES).replace(word, "")
    return rest


def _bad(code: str, told: str) -> Invalid:
    return Invalid([FieldError("password", code, told)])


# ---- the second factor -----------------------------------------------------------------------------------------------


def secret_of(random: bytes) -> str:
    """A TOTP secret as authenticators take it."""
    return b32encode(random).decode()


def enrolment_uri(secret: str, email: str) -> str:
    """What the QR code says."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def digits_of(typed: str) -> str:
    """A code without the blanks people put into it."""
    return "".join(typed.split())


def step_of(secret: str, typed: str, now: datetime) -> int | None:
    """Which 30-second step the code belongs to; None when it is not right now."""
    code = digits_of(typed)
    if not (code.isascii() and code.isdigit()):
        return None
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(code, for_time=now.timestamp(), valid_window=SKEW)
    except pyotp.exceptions.OTPVerificationError:
        return None


def hash_of_code(member_id: str, typed: str) -> str:
    """A recovery code as it is stored; 80 random bits need no slow hash."""
    plain = "".join(each for each in typed.upper() if each.isalnum()).translate(str.maketrans("OIL", "011"))
    return sha256(f"{member_id}:{plain}".encode(errors="replace")).hexdigest()
