"""Money that must add up."""

from monitoring.case import Case, Said, critical, info, limit, warning

# A gauge of violations is born with the number it finds: there is no zero before it.
_BROKEN = 'cubano_invariant_violations{invariant="%s"} _x5 #x10'


def _broken(alert: str, invariant: str, said: Said) -> tuple[Case, ...]:
    return limit(alert, _BROKEN % invariant, "6m", said, fires=2, silent=0)


CASES = (
    *_broken(
        "Oversell",
        "never-oversold",
        critical(
            "2 ticket types or seats break the promise never-oversold: more may be sold than there is",
            invariant="never-oversold",
        ),
    ),
    *_broken(
        "DoubleCharge",
        "surplus-goes-back",
        critical(
            "2 orders break the promise surplus-goes-back: somebody may have paid twice", invariant="surplus-goes-back"
        ),
    ),
    *_broken(
        "LedgerImbalance",
        "journal-zero",
        critical("2 rows of the books break the promise journal-zero", invariant="journal-zero"),
    ),
    *_broken(
        "AuditChainBroken",
        "audit-chain",
        critical("2 entries of the audit trail do not fit the ones before them", invariant="audit-chain"),
    ),
    *_broken(
        "PersonalData",
        "erased-is-erased",
        critical("2 erased customers have left something behind", invariant="erased-is-erased"),
    ),
    *_broken(
        "ApiKeysTooMany",
        "two-live-keys",
        warning("2 API clients have more than two keys that work", invariant="two-live-keys"),
    ),
    *_broken(
        "InvariantBroken",
        "four-eyes",
        critical("2 rows break the promise four-eyes", invariant="four-eyes"),
    ),
    Case("InvariantBroken", "others tell of this one", (_BROKEN % "journal-zero").replace("#", "2"), "6m"),
    *limit(
        "InvariantsNotChecked",
        "cubano_invariants_checked_timestamp_seconds #x20",
        "10m",
        warning("The promises were last checked 1h 10m 0s ago"),
        fires=-3600,
        silent=-3000,
    ),
    *limit(
        "ReconciliationMismatch",
        """cubano_differences_minor{provider="stripe",kind="amount"} #x10
        cubano_differences_oldest_age_seconds{provider="stripe",kind="amount"} 60x10
        cubano_differences_minor{provider="stripe",kind="timing"} 900000x10""",
        "5m",
        critical("50001 minor units differ between our books and stripe (amount)", provider="stripe", what="amount"),
        fires=50001,
        silent=50000,
    ),
    *limit(
        "ReconciliationMismatch",
        """cubano_differences_oldest_age_seconds{provider="stripe",kind="fee"} #x10
        cubano_differences_oldest_age_seconds{provider="stripe",kind="timing"} 900000x10""",
        "5m",
        warning(
            "A difference between our books and stripe (fee) has been open for 1h 0m 1s", provider="stripe", what="fee"
        ),
        fires=3601,
        silent=3600,
    ),
    *limit(
        "ReconciliationStale",
        'cubano_reconciliation_last_timestamp_seconds{provider="paypal"} #x20',
        "10m",
        warning("The last day of paypal was compared 1d 6h 10m 0s ago", provider="paypal"),
        fires=-108000,
        silent=-107400,
    ),
    *limit(
        "SettlementsStale",
        'cubano_settlements_last_timestamp_seconds{provider="paypal"} #x20',
        "10m",
        warning("The movements at paypal are read only up to 2h 10m 0s ago", provider="paypal"),
        fires=-7200,
        silent=-6600,
    ),
    *limit(
        "BooksCaughtUp",
        "cubano_books_caught_up_total 0x10 #x20",
        "12m",
        info("3 orders were posted later than they happened"),
        fires=3,
        silent=0,
    ),
    *limit(
        "CasesWaiting",
        'cubano_cases_oldest_age_seconds{kind="money_owed"} #x20',
        "10m",
        warning("A case (money_owed) has waited for a person for 1d 0h 0m 1s", what="money_owed"),
        fires=86401,
        silent=86400,
    ),
)
