"""Money that must add up: promises broken, days that differ from the gateway's, readings that stopped."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import Unlike, count_of, most, renamed, since
from service.telemetry.catalogue import (
    BOOKS_CAUGHT_UP,
    CASES_OLDEST,
    DIFFERENCES_MINOR,
    DIFFERENCES_OLDEST,
    INVARIANT,
    INVARIANTS_CHECKED,
    RECONCILED,
    SETTLED_UNTIL,
)
from service.telemetry.labels import DifferenceKind

# The promises of `cubano invariants` by the alert that tells of them; all others are told by InvariantBroken.
OVERSOLD = ("stock-adds-up", "never-oversold", "returned-seats-have-no-ticket")
UNBALANCED = (
    *("settlements-posted", "journal-zero", "order-total", "closed-months-unchanged"),
    *("books-tell-payments", "books-tell-refunds", "books-tell-disputes"),
)
CHARGED_TWICE = ("paid-has-payment", "surplus-goes-back")
CHAIN = ("audit-chain",)
PERSONAL = ("erased-is-erased",)
KEYS = ("two-live-keys",)
_NAMED = (*OVERSOLD, *UNBALANCED, *CHARGED_TWICE, *CHAIN, *PERSONAL, *KEYS)

_DIFFERENCES = "between our books and {{ $labels.provider }} ({{ $labels.what }})"
_REAL = Unlike(DifferenceKind.TIMING)  # what is only late comes by itself


def _broken(name: str, owner: str, which: tuple[str, ...] | Unlike, *, says: str, means: str) -> Alert:
    """A gauge of what must not be: it is above zero from the moment it is found, and so is the alert."""
    tier = Tier.WARNING if which == KEYS else Tier.CRITICAL
    expr = f"{most(INVARIANT, 'invariant', invariant=which)} > 0"
    return Alert(name, tier, Kind.NEVER, owner, expr, says, means, "oncall", keep="1h")


ALERTS = (
    _broken(
        "Oversell",
        "payments",
        OVERSOLD,
        says="{{ $value }} ticket types or seats break the promise {{ $labels.invariant }}: more may be sold than there is",
        means="Somebody may stand at the gate for whom there is no place.",
    ),
    _broken(
        "DoubleCharge",
        "payments",
        CHARGED_TWICE,
        says="{{ $value }} orders break the promise {{ $labels.invariant }}: somebody may have paid twice",
        means="An order has exactly one payment that counts, and a second one goes back within two days.",
    ),
    _broken(
        "LedgerImbalance",
        "finance",
        UNBALANCED,
        says="{{ $value }} rows of the books break the promise {{ $labels.invariant }}",
        means="The books do not add up, or do not say what the payments say.",
    ),
    _broken(
        "AuditChainBroken",
        "security",
        CHAIN,
        says="{{ $value }} entries of the audit trail do not fit the ones before them",
        means="Somebody has changed or removed an entry, or restored a part of the database.",
    ),
    _broken(
        "PersonalData",
        "security",
        PERSONAL,
        says="{{ $value }} erased customers have left something behind",
        means="Whoever was erased has a right to it; what is left is removed by hand.",
    ),
    _broken(
        "ApiKeysTooMany",
        "security",
        KEYS,
        says="{{ $value }} API clients have more than two keys that work",
        means="Two are for the change from one to the next; a third has nobody who knows it.",
    ),
    _broken(
        "InvariantBroken",
        "payments",
        Unlike("|".join(_NAMED)),
        says="{{ $value }} rows break the promise {{ $labels.invariant }}",
        means="`cubano invariants` shows which rows, and what is promised.",
    ),
    Alert(
        "InvariantsNotChecked",
        Tier.WARNING,
        Kind.HEARTBEAT,
        "platform",
        f"{since(INVARIANTS_CHECKED)} > {{1h:s120}}",
        "The promises were last checked {{ $value | humanizeDuration }} ago",
        "Until they are checked again, silence about them means nothing.",
        "oncall",
        wait="5m",
    ),
    Alert(
        "ReconciliationMismatch",
        Tier.CRITICAL,
        Kind.NEVER,
        "finance",
        f"{renamed(most(DIFFERENCES_MINOR, 'provider, kind', kind=_REAL), 'kind', 'what')} > 50000",
        f"{{{{ printf `%.0f` $value }}}} minor units differ {_DIFFERENCES}",
        "More than 500 dollars: money moved that the books do not know, or the other way round.",
        "revenue",
        keep="1h",
    ),
    Alert(
        "ReconciliationMismatch",
        Tier.WARNING,
        Kind.NEVER,
        "finance",
        f"{renamed(most(DIFFERENCES_OLDEST, 'provider, kind', kind=_REAL), 'kind', 'what')} > {{1h:s60}}",
        f"A difference {_DIFFERENCES} has been open for {{{{ $value | humanizeDuration }}}}",
        "Small or not, each has a reason, and the month is not closed before it is known.",
        "revenue",
        keep="1h",
    ),
    Alert(
        "ReconciliationStale",
        Tier.WARNING,
        Kind.HEARTBEAT,
        "finance",
        f"{since(RECONCILED, 'provider')} > {{30h:s108000}}",
        "The last day of {{ $labels.provider }} was compared {{ $value | humanizeDuration }} ago",
        "A day is compared four hours after its end. Differences of the days since are unknown.",
        "revenue",
        wait="5m",
    ),
    Alert(
        "SettlementsStale",
        Tier.WARNING,
        Kind.HEARTBEAT,
        "finance",
        f"{since(SETTLED_UNTIL, 'provider')} > {{2h:s900}}",
        "The movements at {{ $labels.provider }} are read only up to {{ $value | humanizeDuration }} ago",
        "They are read every ten minutes. Fees and payouts are missing in the books until then.",
        "revenue",
        wait="5m",
    ),
    Alert(
        "BooksCaughtUp",
        Tier.INFO,
        Kind.NEVER,
        "finance",
        f"{count_of(BOOKS_CAUGHT_UP, '1d')} > 0.5",
        "{{ printf `%.0f` $value }} orders were posted later than they happened",
        "The walk over all orders found what was not posted at once. The books are right; the posting is not.",
        "revenue",
    ),
    Alert(
        "CasesWaiting",
        Tier.WARNING,
        Kind.HEARTBEAT,
        "support",
        f"{renamed(most(CASES_OLDEST, 'kind'), 'kind', 'what')} > {{1d:s}}",
        "A case ({{ $labels.what }}) has waited for a person for {{ $value | humanizeDuration }}",
        "A case is opened when only a person can decide. Somebody waits for the decision.",
        "oncall",
        wait="5m",
    ),
)
