"""What every noun stands on: money, machines, ids, time, errors, the database and its outbox."""
