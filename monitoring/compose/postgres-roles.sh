#!/bin/sh
# Run once by the PostgreSQL image, on an empty volume: the role the service works with, one that may only
# look, and the responder's, which `cubano db seed` gives its columns (service/responder/rules.py).
# Nobody but this script and `docker compose exec` uses the superuser.
set -eu

psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv owner_password CUBANO_PASSWORD
\getenv monitor_password MONITOR_PASSWORD
\getenv responder_password RESPONDER_PASSWORD
CREATE ROLE cubano LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE cubano_monitor LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 5 PASSWORD :'monitor_password';
-- Statistics of everything, rows of nothing.
GRANT pg_monitor TO cubano_monitor;
ALTER ROLE cubano_monitor SET default_transaction_read_only = on;
ALTER ROLE cubano_monitor SET statement_timeout = '10s';
CREATE ROLE cubano_responder LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 6 PASSWORD :'responder_password';
GRANT pg_monitor TO cubano_responder;
ALTER ROLE cubano_responder SET statement_timeout = '5s';
ALTER ROLE cubano_responder SET lock_timeout = '1s';
ALTER ROLE cubano_responder SET idle_in_transaction_session_timeout = '15s';
ALTER ROLE cubano_responder SET default_transaction_read_only = on;
CREATE DATABASE cubano OWNER cubano;
REVOKE ALL ON DATABASE cubano FROM PUBLIC;
GRANT CONNECT ON DATABASE cubano TO cubano_monitor;
SQL

psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname cubano \
    -c 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements'
