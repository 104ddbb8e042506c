"""What docker-compose.yml reads from `.env`: the secrets of one machine's sandbox, made there, worth nothing elsewhere.

`python -m service.local.compose_env .env` (`make compose-env`) adds what is missing, keeps what is there and shows it to this
user only; without a file it prints. To add a secret: a line in `fresh`, and `${NAME:?…}` in docker-compose.yml.
"""

import os
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from service.local import people
from service.local.keys import RESPONDER, VARIABLE, as_variable, with_all_roles
from service.local.responder import Access
from service.local.state import fresh_record

_HEAD = "# Made by `make compose-env` for docker-compose.yml: secrets of this machine. Not for git, not for others.\n"
_KEYS = re.compile(rf"^{VARIABLE}='({{.*}})'$", re.MULTILINE)  # as `text` writes it
_GIVEN = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", re.MULTILINE)


def fresh(known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Every variable the compose file needs, with new secrets, for a sandbox with the gateways' stand-in; `known` are API keys
    that are there already.
    """
    record, keys = fresh_record(), with_all_roles(known or {})
    return {
        "COMPOSE_PROFILES": "sandbox",
        "POSTGRES_PASSWORD": secrets.token_hex(24),
        "POSTGRES_CUBANO_PASSWORD": secrets.token_hex(24),  # hexadecimal: it stands in an address
        "POSTGRES_MONITOR_PASSWORD": secrets.token_hex(24),
        "POSTGRES_RESPONDER_PASSWORD": secrets.token_hex(24),
        "GRAFANA_PASSWORD": secrets.token_urlsafe(18),
        "CUBANO_SECRET_KEYS": record.secret_key,
        "CUBANO_VAULT_KEYS": record.vault_key,
        "CUBANO_STRIPE_API_KEY": record.stripe_api_key,
        "CUBANO_STRIPE_WEBHOOK_SECRETS": record.stripe_webhook_secret,
        "CUBANO_STRIPE_BASE_URL": "http://emulate:8100",
        "CUBANO_PAYPAL_CLIENT_ID": record.paypal_client_id,
        "CUBANO_PAYPAL_CLIENT_SECRET": record.paypal_client_secret,
        "CUBANO_PAYPAL_WEBHOOK_IDS": record.paypal_webhook_id,
        "CUBANO_PAYPAL_BASE_URL": "http://emulate:8100/paypal",
        "CUBANO_PAYPAL_CA_FILE": "/gateway/paypal-ca.pem",
        VARIABLE: as_variable(keys),
        people.VARIABLE: people.as_variable(people.with_all_roles([])),
        "CUBANO_RESPOND_API_KEY": keys[RESPONDER],
        "CUBANO_RESPOND_TOKEN": Access().token,
    }


def text(values: Mapping[str, str]) -> str:
    """As Compose reads it: single quotes take everything as it is."""
    return "".join(f"{name}='{value}'\n" for name, value in values.items())


def complete(path: Path) -> list[str]:
    """Add to the file what it lacks, and the names of that; a value that is there is never changed."""
    old = path.read_text() if path.exists() else _HEAD
    there, keys = set(_GIVEN.findall(old)), _KEYS.search(old)
    made = fresh(msgspec.json.decode(keys[1], type=dict[str, str]) if keys else None)
    added = {name: value for name, value in made.items() if name not in there}
    if added:
        _write(path, old + ("" if old.endswith("\n") else "\n") + text(added))
    return list(added)


def _write(path: Path, content: str) -> None:
    """Whole or not at all, and never readable by others in between."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    beside.replace(path)


def main(words: list[str]) -> None:
    """`python -m service.local.compose_env [FILE]`."""
    if words:
        added = complete(Path(words[0]))
        sys.stdout.write(f"{words[0]}: {f'{len(added)} values made' if added else 'nothing was missing'}\n")
    else:
        sys.stdout.write(_HEAD + text(fresh()))


if __name__ == "__main__":
    main(sys.argv[1:])
