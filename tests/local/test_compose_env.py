"""`make compose-env`: secrets for the compose file, made once, kept, shown to nobody else."""

import json
import stat
import subprocess
import sys

from service.local.compose_env import complete, fresh, text


def test_every_machine_has_its_own():
    """Two of them share no secret; only what is no secret is the same."""
    one, other = fresh(), fresh()

    same = {name for name in one if one[name] == other[name]}

    assert {"COMPOSE_PROFILES", "CUBANO_STRIPE_BASE_URL", "CUBANO_PAYPAL_BASE_URL", "CUBANO_PAYPAL_CA_FILE"} == same


def test_file_is_made_whole_and_for_its_owner_alone(tmp_path):
    """Nobody else of the machine may read it."""
    path = tmp_path / ".env"

    added = complete(path)

    assert list(fresh()) == added
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert [path] == list(tmp_path.iterdir())


def test_what_is_there_stays(tmp_path):
    """A second run changes nothing; a value of one's own is kept, and what a newer version asks for is added."""
    path = tmp_path / ".env"
    path.write_text("# mine\nexport GRAFANA_PASSWORD=mine\nCOMPOSE_PROFILES=")

    complete(path)
    first = path.read_text()

    assert [] == complete(path)
    assert first == path.read_text()
    assert first.startswith("# mine\nexport GRAFANA_PASSWORD=mine\nCOMPOSE_PROFILES=\n")
    assert 1 == first.count("GRAFANA_PASSWORD")


def test_responder_gets_the_key_that_is_there(tmp_path):
    """Also in a file from before there was a variable for it."""
    path = tmp_path / ".env"
    whole = fresh()
    path.write_text(text({name: value for name, value in whole.items() if not name.startswith("CUBANO_RESPOND_")}))

    added = complete(path)

    assert ["CUBANO_RESPOND_API_KEY", "CUBANO_RESPOND_TOKEN"] == added
    assert f"CUBANO_RESPOND_API_KEY='{whole['CUBANO_RESPOND_API_KEY']}'\n" in path.read_text()
    assert whole["CUBANO_RESPOND_API_KEY"] == json.loads(whole["CUBANO_LOCAL_API_KEYS"])["responder"]


def test_values_need_no_escape():
    """Compose takes what stands in single quotes as it is; one inside would end it."""
    made = fresh()

    assert not any("'" in value or "\n" in value for value in made.values())
    assert len(made) == len(text(made).splitlines())


def test_command_without_a_file_prints():
    """For `docker run … > .env`, where there is no Python."""
    words = [sys.executable, "-m", "service.local.compose_env"]

    done = subprocess.run(words, capture_output=True, text=True, check=True)

    assert [f"{name}=" for name in fresh()] == [line.partition("'")[0] for line in done.stdout.splitlines()[1:]]
