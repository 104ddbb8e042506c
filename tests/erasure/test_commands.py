"""`cubano erase` and `cubano vault`: look first, then do; what they print names nobody."""

import json

from tests.cli.running import cubano_beside, environment, read
from tests.stage import Stage, buyer
from tests.vault.dump import places_of

NEEDLES = ("needle-xyz", "xyzzy")
NEEDLE_BUYS = buyer(customer={"email": "needle-xyz@example.org", "name": "Needle Xyzzy"})
MASTERS = "new:bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldy0=,test:dGVzdC10ZXN0LXRlc3QtdGVzdC10ZXN0LXRlc3QtdGU="


async def test_a_customer_is_erased_from_the_command_line(stage: Stage):
    """Dry without --yes; refused while the order is open; forced, done; the same again changes nothing."""
    env = environment(stage.settings.database_url.get_secret_value())
    sold = (await stage.checkout(NEEDLE_BUYS)).json()

    looked = await cubano_beside(env, "erase", "needle-xyz@example.org")
    refused = await cubano_beside(env, "erase", sold["orderNumber"], "--yes")
    before = await places_of(stage, sold["accessToken"])
    revoked = read(await cubano_beside(env, "access", "order", "revoke", sold["orderId"], "--json"))
    forced = await cubano_beside(env, "erase", sold["orderId"], "--yes", "--force", "--json")
    nobody = await cubano_beside(env, "erase", "needle-xyz@example.org", "--yes")

    assert (1, True, True) == (looked.exit_code, "Nothing was changed" in looked.stdout, "awaiting" in looked.stdout)
    assert (1, True) == (refused.exit_code, "Still under way" in refused.stderr)
    assert (set(), 2) == (before, revoked["token"])
    assert (0, [True]) == (forced.exit_code, [each["erased"] for each in json.loads(forced.stdout)])
    assert (1, True) == (nobody.exit_code, "no such customer" in nobody.stderr)
    assert set() == await places_of(stage, *NEEDLES)


async def test_master_keys_are_counted_and_replaced(stage: Stage):
    """`status` says which key may go; a key that is gone too early is told, and nothing is changed by that."""
    env = environment(stage.settings.database_url.get_secret_value())
    await stage.checkout(NEEDLE_BUYS)
    both = env | {"CUBANO_VAULT_KEYS": MASTERS}

    before = read(await cubano_beside(both, "vault", "status", "--json"))
    gone = await cubano_beside(env | {"CUBANO_VAULT_KEYS": MASTERS.split(",", maxsplit=1)[0]}, "vault", "status")
    rotated = await cubano_beside(both, "vault", "rotate", "--json")
    after = read(await cubano_beside(both, "vault", "status", "--json"))
    sealed = read(await cubano_beside(both, "vault", "seal", "--json"))

    assert {"first": "new", "keys": {"new": 0, "test": 1}, "missing": [], "erased": 0, "inTheClear": 0} == before
    assert (1, True) == (gone.exit_code, "not in CUBANO_VAULT_KEYS" in gone.stdout)
    assert (0, {"orders": 1}, True) == (rotated.exit_code, json.loads(rotated.stdout), "1 orders" in rotated.stderr)
    assert ({"new": 1, "test": 0}, {"orders": 0}) == (after["keys"], sealed)
