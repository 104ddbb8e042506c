-- Orders %(first)s to %(last)s: two passes each, held and on the gateway's page; and for each the event that says it was paid.
-- Written as the service writes them, in one transaction, past its code.
SET LOCAL session_replication_role = replica; -- our own rows: the checks of each would take longer than writing it
CREATE TEMPORARY TABLE planted ON COMMIT DROP AS
SELECT lpad(to_hex(n), 16, '0') AS key, 'ord_bench_' || lpad(to_hex(n), 16, '0') AS id, now() AS at
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n;
INSERT INTO orders (id, number, status, locale, provider, total_minor, total_currency, created_at, updated_at, expires_at)
SELECT id, 'ALC-' || key, 'awaiting_payment', 'en', 'stripe', 49800, 'USD', at, at, at + interval '1 day' FROM planted;
INSERT INTO order_items (id, order_id, position, ticket_type, name, quantity, unit_price_minor, unit_price_currency, tax_bp)
SELECT 'item_' || key, id, 0, 'full-pass', 'Full Pass', 2, 24900, 'USD', 500 FROM planted;
INSERT INTO order_customers (order_id, token_number, erased_at) SELECT id, 0, at FROM planted;
INSERT INTO payments (id, order_id, provider, status, amount_minor, amount_currency, checkout_ref, created_at, updated_at)
SELECT 'pay_bench_' || key, id, 'stripe', 'created', 49800, 'USD', 'cs_bench_' || key, at, at FROM planted;
INSERT INTO holds (id, order_id, ticket_type, quantity, state, created_at)
SELECT 'hold_' || key, id, 'full-pass', 2, 'active', at FROM planted;
UPDATE stock SET held = held + 2 * (SELECT count(*) FROM planted) WHERE ticket_type = 'full-pass';
INSERT INTO payment_events (provider, event_id, type, subject, livemode, payload, traceparent, created_at, received_at, due_at)
SELECT 'stripe', 'evt_bench_' || key, 'checkout.session.completed', id, false,
    convert_to(replace(%(event)s, '0000000000000000', key), 'UTF8'),
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00', at, at, at
FROM planted;
