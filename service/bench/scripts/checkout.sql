-- The statements of one checkout as `serve` sends them, in its three transactions; only the gateway's part is missing.
\set number random(1, 9000000000000000000)
BEGIN;
SET LOCAL synchronous_commit = off;
INSERT INTO idempotency_keys (scope, key, fingerprint, subject, state, leased_until, created_at)
VALUES ('checkout', 'pgbench-' || :number, repeat('f', 64), 'ord_' || :number, 'in_flight',
    now() + interval '20 seconds', now())
ON CONFLICT DO NOTHING RETURNING key;
SELECT t.id, t.kind, t.position, t.names, t.descriptions, t.price_minor, t.price_currency, t.max_per_order, t.on_sale,
    s.ticket_type, s.capacity, s.held, s.sold
FROM ticket_types t JOIN stock s ON s.ticket_type = t.id
WHERE t.on_sale AND t.id IN ('full-pass') ORDER BY t.position, t.id;
INSERT INTO orders (id, number, status, locale, provider, total_minor, total_currency, traceparent,
    created_at, updated_at, expires_at)
VALUES ('ord_' || :number, 'ALC-' || :number, 'awaiting_payment', 'en', 'stripe', 24900,
    'USD', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00', now(), now(), now() + interval '10 minutes');
INSERT INTO order_items (id, order_id, position, ticket_type, name, quantity, unit_price_minor, unit_price_currency)
VALUES ('item_' || :number, 'ord_' || :number, 0, 'full-pass', 'Full Pass', 1, 24900, 'USD');
INSERT INTO order_history (order_id, at, event, to_status, cause)
VALUES ('ord_' || :number, now(), 'place', 'awaiting_payment', 'checkout') RETURNING seq;
INSERT INTO order_customers (order_id, key_id, wrapped_key, email_sealed, name_sealed, email_digest, token_number, token_hash)
VALUES ('ord_' || :number, '2027-01', repeat('k', 61)::bytea, repeat('e', 45)::bytea, repeat('n', 40)::bytea, repeat('d', 64), 1,
    repeat('a', 64));
INSERT INTO holds (id, order_id, ticket_type, quantity, state, created_at)
VALUES ('hold_' || :number, 'ord_' || :number, 'full-pass', 1, 'active', now());
UPDATE stock SET held = held + 1 WHERE ticket_type = 'full-pass' AND held + sold + 1 <= capacity RETURNING ticket_type;
COMMIT;
BEGIN;
SELECT o.id, o.number, o.status, o.email, o.name, o.locale, o.provider, o.total_minor, o.total_currency, o.traceparent,
    o.created_at, o.updated_at, o.expires_at, o.paid_at, i.id, i.order_id, i.position, i.ticket_type, i.name, i.quantity,
    i.unit_price_minor, i.unit_price_currency
FROM orders o LEFT JOIN order_items i ON i.order_id = o.id
WHERE o.id = 'ord_' || :number ORDER BY i.position FOR UPDATE OF o;
INSERT INTO payments (id, order_id, provider, status, amount_minor, amount_currency, created_at, updated_at, request_sealed)
VALUES ('pay_' || :number, 'ord_' || :number, 'stripe', 'created', 24900, 'USD', now(), now(), convert_to(:request, 'UTF8'));
COMMIT;
BEGIN;
UPDATE payments SET checkout_ref = 'cs_test_pgbench_' || :number, checkout_url = 'http://127.0.0.1:8100/pay/' || :number
WHERE id = 'pay_' || :number;
UPDATE idempotency_keys SET state = 'done'
WHERE scope = 'checkout' AND key = 'pgbench-' || :number AND state = 'in_flight' RETURNING key;
COMMIT;
