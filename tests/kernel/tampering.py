"""Rows changed by hand, in ways that only a broken program or a person at the database could: what invariants must see."""

REFUND = """
    INSERT INTO refunds (id, order_id, payment_id, provider, status, amount_minor, amount_currency, reason,
                         created_at, updated_at)
    SELECT '{id}', order_id, id, provider, '{status}', {amount}, 'USD', 'requested_by_customer', now(), now()
    FROM payments WHERE status = 'succeeded'
"""
RETURNED = "UPDATE payments SET returned_minor = {amount} WHERE status = 'succeeded'"
PAID_TWICE = """
    INSERT INTO payments (id, order_id, provider, status, amount_minor, amount_currency, request, created_at, updated_at,
                          surplus)
    SELECT 'pay_twice', order_id, provider, status, amount_minor, amount_currency, request, now(), now() - interval '{age}',
           {surplus}
    FROM payments WHERE status = 'succeeded'
"""
FAILED_OF_TWICE = """
    INSERT INTO refunds (id, order_id, payment_id, provider, status, amount_minor, amount_currency, reason,
                         created_at, updated_at)
    SELECT 'ref_1', order_id, id, provider, 'failed', amount_minor, 'USD', 'surplus_payment', now(), now()
    FROM payments WHERE id = 'pay_twice'
"""
THREE_TICKETS_BACK = """
    INSERT INTO refund_items (refund_id, order_item_id, quantity, amount_minor, amount_currency)
    SELECT 'ref_1', i.id, 3, 1, 'USD' FROM order_items i JOIN orders o ON o.id = i.order_id WHERE o.status = 'paid'
"""
BY_THEMSELVES = """
    UPDATE refunds SET requester_kind = 'key', requester_id = 'key_1', requester_name = 'desk',
        decider_kind = 'key', decider_id = 'key_2', decider_name = 'Desk', decided_at = now()
"""
DISPUTED = """
    INSERT INTO disputes (id, order_id, payment_id, provider, dispute_ref, status, amount_minor, amount_currency, reason,
                          created_at, updated_at)
    SELECT 'dsp_1', order_id, id, provider, 'dp_1', '{status}', amount_minor, 'USD', 'fraudulent', now(), now()
    FROM payments WHERE status = 'succeeded'
"""
LATE = [
    "UPDATE orders SET status = 'late_payment', updated_at = now() - interval '{age}' WHERE status = 'paid'",
    "UPDATE tickets SET status = 'void'",
]
PROCESSING = "UPDATE orders SET status = 'processing' WHERE status = 'awaiting_payment'"
ONE_MORE_TICKET = """
    INSERT INTO tickets
    SELECT 'tkt_x', order_id, order_item_id, 99, ticket_type, name, 'X', status, issued_at FROM tickets LIMIT 1
"""
FEE_UNPOSTED = """
    INSERT INTO settlements (provider, ref, kind, amount_minor, amount_currency, fee_minor, occurred_at, imported_at)
    VALUES ('stripe', 'txn_1', 'fee', -100, 'USD', 0, now(), now())
"""
NOTED = """
    INSERT INTO audit_trail
    VALUES (1, '2027-02-13T18:00:00Z', 'system', 'cli', 'cli', 'key.add', 'key_1', NULL, '{}', NULL, NULL, NULL,
            repeat('0', 64), '567e112a6398a6f0e8b1f0bb7a5259b610cab5c86d8a4b2aad57445c60ba2b78')
"""
ERASED = """
    UPDATE order_customers SET key_id = NULL, wrapped_key = NULL, email_sealed = NULL, name_sealed = NULL,
           email_digest = NULL, token_hash = NULL, erased_at = now()
"""
THREE_KEYS = """
    INSERT INTO api_keys (id, client_id, environment, secret_hash, permissions, signs, networks, created_at, expires_at)
    SELECT 'key_' || n, 'cli_1', 'dev', repeat('a', 64), '{}', false, '{}', now(), now() + interval '1 day'
    FROM generate_series(1, 3) n
"""
