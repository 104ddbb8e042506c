-- One event that says that an order was paid, claimed and applied with the statements of `work`, in its one transaction.
BEGIN;
SELECT e.seq, substr(e.subject, 11) AS key, e.event_id, coalesce(e.detail, e.payload) AS payload, e.traceparent, e.attempts
FROM payment_events e
WHERE e.state = 'pending' AND e.due_at <= now() AND (NOT e.is_thin OR e.detail IS NOT NULL) AND NOT EXISTS (
    SELECT * FROM payment_events o WHERE o.subject = e.subject AND o.seq < e.seq AND o.state = 'pending'
        AND o.due_at <= now() AND (NOT o.is_thin OR o.detail IS NOT NULL))
ORDER BY e.due_at, e.seq LIMIT 1 FOR UPDATE OF e SKIP LOCKED
\gset
SAVEPOINT applied;
SELECT o.id, o.number, o.status, o.email, o.name, o.locale, o.provider, o.total_minor, o.total_currency, o.traceparent,
    o.created_at, o.updated_at, o.expires_at, o.paid_at, o.synthetic, i.id, i.order_id, i.position, i.ticket_type, i.name,
    i.quantity, i.unit_price_minor, i.unit_price_currency, i.tax_bp
FROM orders o LEFT JOIN order_items i ON i.order_id = o.id
WHERE o.id = 'ord_bench_' || :key ORDER BY i.position FOR NO KEY UPDATE OF o;
SELECT * FROM payments WHERE order_id = 'ord_bench_' || :key ORDER BY id;
UPDATE payment_events SET state = 'pending', attempts = 0, due_at = now(), cause = NULL, ended_at = NULL
WHERE provider = 'stripe' AND subject IN ('pi_bench_' || :key, 'ord_bench_' || :key) AND state = 'ignored' AND cause = 'foreign';
UPDATE payments SET status = 'succeeded', payment_ref = 'pi_bench_' || :key, paid_at = now() WHERE id = 'pay_bench_' || :key;
SELECT * FROM holds WHERE order_id = 'ord_bench_' || :key ORDER BY ticket_type COLLATE "C";
UPDATE stock SET held = held - 2, sold = sold + 2 WHERE ticket_type = 'full-pass';
UPDATE holds SET state = 'sold', ended_at = now() WHERE id IN ('hold_' || :key);
UPDATE orders SET status = 'paid', paid_at = now() WHERE id = 'ord_bench_' || :key;
INSERT INTO order_history (order_id, at, event, from_status, to_status, cause)
VALUES ('ord_bench_' || :key, now(), 'pay', 'awaiting_payment', 'paid', 'stripe checkout.session.completed') RETURNING seq;
SELECT l.account, l.amount_currency, sum(l.amount_minor), max(e.number)
FROM journal_lines l JOIN journal_entries e ON e.seq = l.entry_seq
WHERE e.subject = 'pay_bench_' || :key GROUP BY l.account, l.amount_currency;
INSERT INTO journal_entries (kind, subject, number, provider, order_id, day, occurred_at, posted_at, lines, memo)
VALUES ('payment', 'pay_bench_' || :key, 1, 'stripe', 'ord_bench_' || :key, current_date, now(), now(), 3, '')
RETURNING seq AS entry
\gset
INSERT INTO journal_lines (entry_seq, position, account, amount_minor, amount_currency)
VALUES (:entry::bigint, 0, 'clearing' || chr(58) || 'stripe', 49800, 'USD'), -- a colon would be a variable of pgbench's
    (:entry::bigint, 1, 'revenue' || chr(58) || 'full-pass', -47429, 'USD'), (:entry::bigint, 2, 'tax', -2371, 'USD');
INSERT INTO tickets (id, order_id, order_item_id, ordinal, ticket_type, name, code, status, issued_at)
VALUES ('tkt_a_' || :key, 'ord_bench_' || :key, 'item_' || :key, 0, 'full-pass', 'Full Pass', 'A-' || :key, 'valid', now()),
    ('tkt_b_' || :key, 'ord_bench_' || :key, 'item_' || :key, 1, 'full-pass', 'Full Pass', 'B-' || :key, 'valid', now());
INSERT INTO outbox (kind, key, payload, traceparent, due_at, created_at)
VALUES ('mail.confirmation', 'ord_bench_' || :key, json_build_object('order_id', 'ord_bench_' || :key),
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00', now(), now())
ON CONFLICT DO NOTHING RETURNING seq;
RELEASE SAVEPOINT applied;
UPDATE payment_events SET state = 'applied', outcome = 'moved', attempts = 1, last_error = NULL, ended_at = now() WHERE seq = :seq;
COMMIT;
