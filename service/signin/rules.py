"""Why a step of a sign-in is not taken, in the words its page shows."""

from dataclasses import dataclass, field

from service.kernel.errors import CubanoError


class SignInRefused(CubanoError):
    """A step that is not taken; `status` is the page's."""

    status = 403


class WrongPassword(SignInRefused):
    """Also for somebody unknown, disabled, or without a password: nobody learns which."""

    status = 401

    def __str__(self) -> str:
        return "That e-mail address and password do not belong together. Look at both, and at Caps Lock, and try again."


@dataclass
class WrongCode(SignInRefused):
    """Not the code of now; `replayed` when it was taken before."""

    replayed: bool = False
    status: int = field(default=401, init=False)

    def __str__(self) -> str:
        if self.replayed:
            return "That code was used already. Wait until your authenticator shows the next one."
        return "That is not the code your authenticator shows now. Look at the clock of your telephone, and try again."


class StartAgain(SignInRefused):
    """The sign-in took too long, or is not this browser's."""

    status = 401

    def __str__(self) -> str:
        return "That took too long, or was begun in another window. Please sign in again."


class IssuerRefused(SignInRefused):
    """What the issuer says does not open anything here; the sentence says what to do."""
