"""Commands in a second terminal find the system that runs here."""

import stat

from service.local.shared import of_this_machine, share, withdraw

URL = "postgresql://cubano:it's a secret@127.0.0.1:5432/cubano"


def test_a_command_finds_the_running_system(tmp_path, monkeypatch):
    """Every CUBANO_ setting, quoted as a shell would want it, and nothing else."""
    monkeypatch.delenv("CUBANO_DATABASE_URL", raising=False)
    share(tmp_path, {"CUBANO_DATABASE_URL": URL, "HOME_OF_OTHERS": "x"})

    found = of_this_machine(tmp_path)

    assert URL == found["CUBANO_DATABASE_URL"]
    assert "HOME_OF_OTHERS" not in found
    assert "0o600" == oct(stat.S_IMODE((tmp_path / "settings.env").stat().st_mode))


def test_a_real_environment_comes_first(tmp_path, monkeypatch):
    """Who names a database means that one."""
    monkeypatch.setenv("CUBANO_DATABASE_URL", "postgresql://elsewhere/db")
    share(tmp_path, {"CUBANO_DATABASE_URL": URL, "CUBANO_HOLD_SECONDS": "5"})

    found = of_this_machine(tmp_path)

    assert "postgresql://elsewhere/db" == found["CUBANO_DATABASE_URL"]
    assert "CUBANO_HOLD_SECONDS" not in found


def test_production_never_looks(tmp_path, monkeypatch):
    """A file that lies about cannot become production's settings."""
    monkeypatch.delenv("CUBANO_DATABASE_URL", raising=False)
    monkeypatch.setenv("CUBANO_ENVIRONMENT", "production")
    share(tmp_path, {"CUBANO_DATABASE_URL": URL})

    assert "CUBANO_DATABASE_URL" not in of_this_machine(tmp_path)


def test_an_ended_system_leaves_nothing(tmp_path, monkeypatch):
    """Its settings are withdrawn, twice without harm."""
    monkeypatch.delenv("CUBANO_DATABASE_URL", raising=False)
    share(tmp_path, {"CUBANO_DATABASE_URL": URL})
    withdraw(tmp_path)
    withdraw(tmp_path)

    assert "CUBANO_DATABASE_URL" not in of_this_machine(tmp_path)
