"""The promise of closed months; their table stands with the journal, whose triggers it feeds."""

from service.kernel.invariants import Invariant

INVARIANTS = (
    Invariant(
        name="closed-months-unchanged",
        promise="A closed month has the entries it had when it was closed, and its accounts come to the same.",
        query="""
            SELECT c.month AS id, 'was closed with ' || c.entries || ' entries and has ' || coalesce(n.entries, 0)
                   || CASE WHEN c.totals::jsonb -> 'accounts' IS DISTINCT FROM coalesce(s.accounts, '{}'::jsonb)
                      THEN '; its accounts come to something else' ELSE '' END AS problem
            FROM closed_months c
            LEFT JOIN LATERAL (
                SELECT count(*) AS entries FROM journal_entries
                WHERE day >= (c.month || '-01')::date AND day < (c.month || '-01')::date + interval '1 month'
            ) n ON true
            LEFT JOIN LATERAL (
                SELECT jsonb_object_agg(account || ' ' || currency, minor) AS accounts FROM (
                    SELECT l.account, l.amount_currency AS currency, sum(l.amount_minor) AS minor
                    FROM journal_entries e JOIN journal_lines l ON l.entry_seq = e.seq
                    WHERE e.day >= (c.month || '-01')::date AND e.day < (c.month || '-01')::date + interval '1 month'
                    GROUP BY l.account, l.amount_currency
                    HAVING sum(l.amount_minor) <> 0
                ) AS sums
            ) s ON true
            WHERE n.entries <> c.entries
                OR c.totals::jsonb -> 'accounts' IS DISTINCT FROM coalesce(s.accounts, '{}'::jsonb)
        """,
        playbook="LedgerImbalance",
    ),
)
