"""A new webhook secret is handed over without passing a playbook; a day is compared anew; what changed lately is told."""

from hashlib import sha256

import pytest

from runbooks.engine.registry import RefusedError, Taken

SECRET = "whsec_a_new_one_0123456789"
NAME = sha256(SECRET.encode()).hexdigest()[:16]
STRIPE = {"provider": "stripe"}


@pytest.fixture
def handed(play):
    """Where a person writes the new secret."""
    folder = play.world.places.state / "secrets"
    folder.mkdir(parents=True)
    path = folder / "stripe"
    path.touch(mode=0o600)
    path.write_text(f"{SECRET}\n")
    return path


async def test_a_new_secret_is_accepted_beside_the_old_one_and_taken_back(play, handed):
    """The plan and all that is kept name it by its hash; the file is gone once it is known; undone, it is refused again. One that others can read is not taken."""
    handed.chmod(0o644)
    for provider in ("stripe", "paypal", "nobody", "../stripe"):  # others can read it, nothing is there, no such place
        with pytest.raises(RefusedError):
            await play.plan("webhooks.rotate_secret", provider=provider)
    handed.chmod(0o600)
    before = await play.read("webhooks.secrets", **STRIPE)
    plan = await play.plan("webhooks.rotate_secret", **STRIPE)

    assert (1, True) == (before["accepted"], before["given"])
    assert NAME == plan.after["accepts"]
    assert SECRET not in repr(plan)
    assert before == await play.read("webhooks.secrets", **STRIPE)
    assert Taken.NOT_DONE == await play.observe("webhooks.rotate_secret", **STRIPE)

    done = await play.apply("webhooks.rotate_secret", "s1", **STRIPE)

    assert done == await play.apply("webhooks.rotate_secret", "s1", **STRIPE)
    assert (True, NAME) == (done["changed"], done["secret"])
    after = await play.read("webhooks.secrets", **STRIPE)
    assert (2, False) == (after["accepted"], after["given"])
    assert NAME in str(after["names"])
    assert not handed.exists()
    assert Taken.DONE == await play.observe("webhooks.rotate_secret", **STRIPE)

    await play.undo("webhooks.rotate_secret", "s2", **STRIPE)
    assert before["names"] == (await play.read("webhooks.secrets", **STRIPE))["names"]
    assert Taken.NOT_DONE == await play.observe("webhooks.rotate_secret", **STRIPE)


async def test_a_newer_secret_survives_the_taking_back_of_an_older_one(play, handed):
    """Each run takes back its own; a secret that was exchanged after the plan is not handed over."""
    await play.plan("webhooks.rotate_secret", **STRIPE)
    await play.apply("webhooks.rotate_secret", "n1", **STRIPE)
    first = play.planned["webhooks.rotate_secret"]
    handed.touch(mode=0o600)
    handed.write_text(f"{SECRET}_newer")
    with pytest.raises(RefusedError, match="another secret"):
        await play.apply("webhooks.rotate_secret", "n2", planned=first, **STRIPE)
    newer = (await play.plan("webhooks.rotate_secret", **STRIPE)).after["accepts"]
    await play.apply("webhooks.rotate_secret", "n3", **STRIPE)

    await play.undo("webhooks.rotate_secret", "n1-undo", planned=first, **STRIPE)

    names = str((await play.read("webhooks.secrets", **STRIPE))["names"])
    assert (True, False) == (newer in names, NAME in names)
    assert Taken.DONE == await play.observe("webhooks.rotate_secret", **STRIPE)
    assert Taken.NOT_DONE == await play.observe("webhooks.rotate_secret", planned=first, **STRIPE)
    with pytest.raises(RefusedError, match="not known when it was planned"):
        await play.undo("webhooks.rotate_secret", "n4", planned="{}", **STRIPE)


async def test_a_day_is_compared_and_promises_are_checked_anew(stage, play):
    """Yesterday unless another is named: planned, compared once a key, and kept so; a check tells what is broken, once a key."""
    before = await play.read("reconciliation.open")
    plan = await play.plan("reconciliation.run")
    done = await play.apply("reconciliation.run", "r1")

    assert before["day"] is None
    assert plan.changes
    assert done == await play.apply("reconciliation.run", "r1")
    assert (0, "") == (done["differences"], done["unread"])
    assert plan.after["day"] == done["day"] == (await play.read("reconciliation.open"))["day"]
    for day in ("tomorrow", "2027-13-45", "1999-01-01"):
        with pytest.raises(RefusedError):
            await play.plan("reconciliation.run", day=day)

    found = await play.apply("invariants.check", "i1", only="order-total")
    again = await play.apply("invariants.check", "i1", only="order-total")
    assert found == again == {"holds": True, "broken": 0, "names": "none", "violations": 0}
    assert [(1,)] == await stage.rows("SELECT count(*) FROM audit_trail WHERE action = 'invariants.check'")
    assert (await play.plan("invariants.check")).changes


async def test_what_changed_lately_leaves_out_what_playbooks_did(stage, play):
    """A person's switch is the newest change; a playbook's own acts are no cause."""
    quiet = await play.read("changes.recent")
    key = {"Authorization": f"Bearer {play.world.places.api_key}"}
    body = {"value": "paused", "reason": "too many at once"}
    assert (await stage.client.put("/api/ops/switches/sales", json=body, headers=key)).is_success
    await play.apply("limits.put", "l1", level="loose", lease_s="60")

    found = await play.read("changes.recent")

    assert found["changes"] == quiet["changes"] + 1
    assert ("switch.put", "sales") == (found["newest"], found["subject"])
    assert found["age_s"] < 300
