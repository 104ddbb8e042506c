"""The state directory: one system at a time, secrets that stay, and starting over that touches nothing else."""

import pytest

from service.local.state import State, StateBusy


def test_secrets_are_made_once_and_kept_private(tmp_path):
    """The first start makes random secrets that only this user can read; later starts find the same."""
    with State.open(tmp_path / "a") as first, State.open(tmp_path / "b") as other:
        made, others = first.record, other.record

    with State.open(tmp_path / "a") as second:
        assert made == second.record
    assert made.stripe_webhook_secret != others.stripe_webhook_secret
    assert made.stripe_api_key.startswith("sk_test_")
    assert made.stripe_webhook_secret.startswith("whsec_")
    assert len(made.secret_key) >= 32
    assert 0o600 == (tmp_path / "a" / "system.json").stat().st_mode & 0o777


def test_second_system_is_refused_politely(tmp_path):
    """Two systems in one directory would share one database: the second is told who runs and what to do."""
    with State.open(tmp_path), pytest.raises(StateBusy, match=r"process \d+\) is running in .*--ports auto --state"):
        State.open(tmp_path)

    with State.open(tmp_path) as again:
        assert again.directory == tmp_path


def test_fresh_starts_over(tmp_path):
    """--fresh removes data and secrets of earlier starts, and leaves everything else in the directory alone."""
    with State.open(tmp_path) as first:
        before = first.record
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    (tmp_path / "mail").mkdir()
    (tmp_path / "requirements.txt").touch()

    with State.open(tmp_path, fresh=True) as second:
        assert before != second.record
    assert {"system.json", ".gitignore", "requirements.txt"} == {path.name for path in tmp_path.iterdir()}


def test_fresh_spares_a_directory_of_somebody_else(tmp_path):
    """A directory where no system ever ran loses nothing, even if names look alike."""
    (tmp_path / "mail").mkdir()

    with State.open(tmp_path, fresh=True):
        assert (tmp_path / "mail").is_dir()


def test_ports_are_remembered(tmp_path):
    """The ports a system chose are there at its next start."""
    with State.open(tmp_path) as first:
        first.remember_ports({"serve": 20_001})

    with State.open(tmp_path) as second:
        assert {"serve": 20_001} == second.record.ports


def test_a_record_of_an_earlier_version_gets_what_it_lacks(tmp_path):
    """Secrets of a provider that came later are made once, and kept like the others."""
    with State.open(tmp_path):
        path = tmp_path / "system.json"
        path.write_text(
            '{"secret_key": "k", "stripe_api_key": "sk_test_1", "stripe_webhook_secret": "whsec_1", "ports": {"serve": 1}}'
        )

    with State.open(tmp_path) as second:
        first = second.record
    with State.open(tmp_path) as third:
        assert first == third.record
    assert ("sk_test_1", {"serve": 1}) == (first.stripe_api_key, first.ports)
    assert first.paypal_webhook_id.startswith("WH-")
