"""The responder's settings: what it refuses to start with, all of it told at once, and what it leaves for Alertmanager."""

import stat

import pytest
from litestar.testing import TestClient

from runbooks.responder.app import create_app
from runbooks.settings import Settings, SettingsError, load

TOKEN = "a-token-of-alertmanager-with-some-length"


def test_every_problem_is_told_and_no_secret_quoted():
    """A short token, a port that is none, a name that is unknown."""
    given = {
        "TOKEN": "hunter2",
        "PORT": "99999",
        "COLOUR": "red",
        "API_URL": "nowhere",
        "CERTIFICATES": "shop.example/x",
    }

    with pytest.raises(SettingsError) as refused:
        load({f"CUBANO_RESPOND_{name}": value for name, value in given.items()})

    assert {f"CUBANO_RESPOND_{name}" for name in given} == {each.partition(":")[0] for each in refused.value.problems}
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("https://on-call.example", True),
        ("http://127.0.0.1:8300", True),  # a container's port, published there
        ("http://localhost:8300", True),
        ("", False),
        ("http://on-call.example", False),
        ("http://127.0.0.1.on-call.example", False),
        ("http://127.0.0.1@on-call.example", False),
    ],
)
def test_tokens_travel_over_the_network_encrypted_or_not_at_all(url, fits):
    """Who listens beyond this machine says how people get there."""
    given = {"CUBANO_RESPOND_HOST": "0.0.0.0", "CUBANO_RESPOND_URL": url}  # noqa: S104 - that is what is tried

    if fits:
        assert url == load(given).address
    else:
        with pytest.raises(SettingsError, match="CUBANO_RESPOND_URL must be https://"):
            load(given)


def test_token_is_left_for_alertmanager(tmp_path):
    """Whole, and for its account to read: the folder is what keeps others out."""
    path = tmp_path / "shared" / "alertmanager"
    path.parent.mkdir()

    with TestClient(create_app(_settings(tmp_path, path))):
        left = path.read_text()

    assert TOKEN == left
    assert 0o644 == stat.S_IMODE(path.stat().st_mode)
    assert [path] == list(path.parent.iterdir())


def test_token_that_cannot_be_left_stops_nothing(tmp_path):
    """Prometheus is polled; Alertmanager's silence is on the page."""
    with TestClient(create_app(_settings(tmp_path, tmp_path / "away" / "alertmanager"))) as client:
        assert 200 == client.get("/health/ready").status_code


def _settings(folder, path) -> Settings:
    given = {"STATE": str(folder / "state"), "TOKEN": TOKEN, "TOKEN_FILE": str(path), "METRICS_PORT": "0"}
    return load({f"CUBANO_RESPOND_{name}": value for name, value in given.items()})


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ("2027-02-13T18:00:00Z, 2027-02-14T10:00:00+01:00", True),
        ("", True),
        ("2027-02-13T18:00:00", False),  # of which zone?
        ("tomorrow", False),
    ],
)
def test_when_sales_open_is_said_with_its_zone(given, fits):
    """Before each of them something begins; an hour too late is too late."""
    if fits:
        assert all(at.utcoffset() is not None for at in load({"CUBANO_RESPOND_SALES": given}).sale_times)
    else:
        with pytest.raises(SettingsError, match="CUBANO_RESPOND_SALES"):
            load({"CUBANO_RESPOND_SALES": given})
