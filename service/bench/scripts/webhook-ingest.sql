-- One event, one statement, one commit: what intake would do if it did not group.
\set number random(1, 9000000000000000000)
INSERT INTO payment_events
    (provider, event_id, type, subject, livemode, payload, traceparent, created_at, received_at, due_at)
VALUES ('stripe', 'evt_pgbench_' || :number, 'checkout.session.completed', 'ord_bench_' || :number, false,
    :payload::bytea, '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00', now(), now(), now())
ON CONFLICT (provider, event_id) DO NOTHING RETURNING provider, event_id;
