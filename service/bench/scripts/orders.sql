-- Orders %(first)s to %(last)s of a festival that sells all year, a minute apart, the last one today: nine of ten are paid,
-- each twentieth of those is refunded in part, each two hundredth disputed; each tenth paid by the second provider.
-- Written as the service writes them, in one transaction, past its code.
SET LOCAL synchronous_commit = off;
SET LOCAL session_replication_role = replica; -- our own rows: the checks of each would take longer than writing it
CREATE TEMPORARY TABLE planted ON COMMIT DROP AS
SELECT n, lpad(n::text, 24, '0') AS key, 'ord_00' || lpad(n::text, 24, '0') AS id, 'pay_00' || lpad(n::text, 24, '0') AS payment,
       CASE n %% 10 WHEN 3 THEN 'paypal' ELSE 'stripe' END AS provider,
       n %% 10 <> 7 AS paid, n %% 10 <> 7 AND n %% 20 = 5 AS refunded, n %% 10 <> 7 AND n %% 200 = 1 AS disputed,
       date_trunc('minute', now()) - (%(total)s - n) * interval '1 minute' * least(1, 525600 / %(total)s::numeric)::float8 AS at
FROM generate_series(%(first)s, %(last)s) AS n;
INSERT INTO orders (id, number, status, locale, provider, total_minor, total_currency, created_at, updated_at, expires_at, paid_at)
SELECT id, 'ALC-' || key, CASE WHEN disputed THEN 'disputed' WHEN refunded THEN 'partially_refunded' WHEN paid THEN 'paid'
       ELSE 'expired' END, 'en', provider, 24900, 'USD', at, at, at + interval '10 minutes', CASE WHEN paid THEN at END
FROM planted;
INSERT INTO order_items (id, order_id, position, ticket_type, name, quantity, unit_price_minor, unit_price_currency, tax_bp)
SELECT 'itm_00' || key, id, 0, 'full-pass', 'Full Pass', 1, 24900, 'USD', 500 FROM planted;
INSERT INTO order_customers (order_id, token_number, erased_at) SELECT id, 0, at FROM planted;
INSERT INTO payments (id, order_id, provider, status, amount_minor, amount_currency, payment_ref, created_at, updated_at,
                      paid_at, returned_minor, disputed)
SELECT payment, id, provider, CASE WHEN paid THEN 'succeeded' ELSE 'canceled' END, 24900, 'USD', 'pi_bench_' || key, at, at,
       CASE WHEN paid THEN at END, CASE WHEN refunded THEN 1000 ELSE 0 END, disputed
FROM planted;
INSERT INTO tickets (id, order_id, order_item_id, ordinal, ticket_type, name, code, status, issued_at)
SELECT 'tkt_00' || key, id, 'itm_00' || key, 1, 'full-pass', 'Full Pass', 'BENCH-' || key, 'valid', at FROM planted WHERE paid;
INSERT INTO refunds (id, order_id, payment_id, provider, status, amount_minor, amount_currency, reason, refund_ref,
                     created_at, updated_at, returned_at)
SELECT 'rfd_00' || key, id, payment, provider, 'succeeded', 1000, 'USD', 'requested_by_customer', 're_bench_' || key,
       at + interval '1 second', at + interval '1 second', at + interval '1 second'
FROM planted WHERE refunded;
INSERT INTO disputes (id, order_id, payment_id, provider, dispute_ref, status, amount_minor, amount_currency, reason,
                      created_at, updated_at)
SELECT 'dsp_00' || key, id, payment, provider, 'dp_bench_' || key, 'needs_response', 24900, 'USD', 'fraudulent',
       at + interval '2 seconds', at + interval '2 seconds'
FROM planted WHERE disputed;
CREATE TEMPORARY TABLE posted ON COMMIT DROP AS
SELECT nextval('journal_entries_seq_seq') AS seq, p.id AS order_id, p.provider, p.at, e.*
FROM planted p CROSS JOIN LATERAL (VALUES
    (p.paid, 'payment', p.payment, ARRAY['clearing:' || p.provider, 'revenue:full-pass', 'tax'], ARRAY[24900, -23714, -1186]),
    (p.refunded, 'refund', 'rfd_00' || p.key, ARRAY['clearing:' || p.provider, 'refunds:full-pass', 'tax'], ARRAY[-1000, 952, 48]),
    (p.disputed, 'dispute', 'dsp_00' || p.key, ARRAY['clearing:' || p.provider, 'disputes:held'], ARRAY[-24900, 24900])
) AS e (happened, kind, subject, accounts, amounts)
WHERE e.happened;
INSERT INTO journal_entries (seq, kind, subject, number, provider, order_id, day, occurred_at, posted_at, lines, memo)
OVERRIDING SYSTEM VALUE
SELECT seq, kind, subject, 1, provider, order_id, (at AT TIME ZONE 'UTC')::date, at, at, cardinality(accounts), '' FROM posted;
INSERT INTO journal_lines (entry_seq, position, account, amount_minor, amount_currency)
SELECT seq, line.place - 1, line.account, line.amount, 'USD'
FROM posted CROSS JOIN LATERAL unnest(accounts, amounts) WITH ORDINALITY AS line (account, amount, place);
