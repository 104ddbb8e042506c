"""Our own programs start with what the compose file gives them, and agree with each other. (No engine runs it here.)"""

import json
from importlib.metadata import entry_points

import click
import pytest

from monitoring import containers
from runbooks.settings import load as load_responder
from service.local.compose_env import fresh
from service.settings import load_settings
from tests.monitoring.compose import OURS, ROOT, SERVICES, environment

DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("name", ["migrate", "serve-1", "serve-2", "work"])
@pytest.mark.parametrize("profile", ["sandbox", "real"])
def test_settings_of_the_service_are_accepted(name, profile):
    """It would start with what the file gives it: with the stand-in, and with a gateway's own test mode."""
    without = {"CUBANO_STRIPE_BASE_URL": "", "CUBANO_PAYPAL_BASE_URL": "", "CUBANO_PAYPAL_CA_FILE": ""}

    settings = load_settings(environment(name, fresh() | (without if profile == "real" else {})))

    assert 1 == settings.trusted_hops  # the proxy
    assert ("http://emulate:8100" if profile == "sandbox" else "") == settings.stripe_base_url
    assert "" == settings.redis_url.get_secret_value()


def test_both_kinds_of_process_speak_to_the_same_things():
    """One set of settings; a difference would be a bug that only one of them has."""
    given = fresh()

    assert environment("serve-1", given) == environment("serve-2", given) == environment("work", given)
    assert environment("serve-1", given).items() <= environment("migrate", given).items()


@pytest.mark.parametrize("words", [
    words.split()
    for name in OURS
    for words in " ".join(SERVICES[name].get("command", ["cubano", "serve"])).removeprefix("sh -c ").split(" && ")
])  # fmt: skip
def test_commands_exist(words, tmp_path):
    """Each `cubano` command of the file is one of ours, and takes these words."""
    assert "cubano" == words[0]
    command = next(each.load() for each in entry_points(group="cubano.commands") if each.name == words[1])
    given = [word.replace("/state", str(tmp_path)) for word in words[2:]]

    while isinstance(command, click.Group) and given:
        command = command.commands[given.pop(0)]
    context = command.make_context(words[1], given, auto_envvar_prefix="CUBANO_UNSET")

    assert [] == context.args


def test_settings_of_the_emulator_are_its_own():
    """It reads each variable that the file gives it, and they agree with what the service believes."""
    command = next(each.load() for each in entry_points(group="cubano.commands") if each.name == "emulate")
    explicit = {
        name
        for each in command.params
        for name in ([each.envvar] if isinstance(each.envvar, str) else each.envvar or ())
    }
    derived = {f"CUBANO_EMULATOR_{(parameter.name or '').upper()}" for parameter in command.params}
    given = fresh()
    service, standin = environment("serve-1", given), environment("emulate", given)

    assert set(standin) <= explicit | derived
    assert service["CUBANO_STRIPE_API_KEY"] == standin["CUBANO_EMULATOR_API_KEY"]
    assert service["CUBANO_STRIPE_WEBHOOK_SECRETS"] == standin["CUBANO_EMULATOR_WEBHOOK_SECRET"]
    assert service["CUBANO_PAYPAL_WEBHOOK_IDS"] == standin["CUBANO_EMULATOR_PAYPAL_WEBHOOK_ID"]


def test_responder_has_its_own_settings():
    """It would start with them; its key is the one that is written, and nothing of the service's secrets is told to it."""
    given = fresh()
    found, job = environment("respond", given), environment("migrate", given)

    settings = load_responder(found)

    assert 8300 == settings.port
    assert 9103 == settings.metrics_port
    assert settings.is_private
    assert given["CUBANO_RESPOND_API_KEY"] == json.loads(job["CUBANO_LOCAL_API_KEYS"])["responder"]
    assert all(name.startswith("CUBANO_RESPOND_") for name in found)
    assert all(found[name] == job[name] for name in ("CUBANO_RESPOND_API_KEY", "CUBANO_RESPOND_DATABASE_URL"))


def test_alertmanager_finds_the_token_where_the_responder_leaves_it():
    """In a volume of those two alone, which the image's own user may write and Alertmanager only read."""
    settings = load_responder(environment("respond"))
    mounts = {name: service.get("volumes", []) for name, service in SERVICES.items()}

    assert str(settings.token_file) == containers.TOKEN_FILE
    assert {"respond", "alertmanager"} == {
        name for name, found in mounts.items() if any(each.startswith("respond-token:") for each in found)
    }
    assert "respond-token:/respond-token:ro" in mounts["alertmanager"]
    assert {"respond"} == {name for name, found in mounts.items() if any(each.startswith("respond:") for each in found)}
    assert "install -d -o cubano -m 700 /respond && install -d -o cubano /respond-token\n" in DOCKERFILE


def test_responder_starts_without_anybody():
    """It is wanted most when the others are away."""
    assert "depends_on" not in SERVICES["respond"]


def test_database_is_reached_with_the_roles_it_makes():
    """The service with its own, the exporter with the one that may only look, and no one with the superuser."""
    given = fresh()
    made, exporter = environment("postgres", given), environment("postgres-exporter", given)

    assert f"//cubano:{made['CUBANO_PASSWORD']}@" in environment("work", given)["CUBANO_DATABASE_URL"]
    assert (
        f"//cubano_responder:{made['RESPONDER_PASSWORD']}@"
        in environment("respond", given)["CUBANO_RESPOND_DATABASE_URL"]
    )
    assert ("cubano_monitor", made["MONITOR_PASSWORD"]) == (exporter["DATA_SOURCE_USER"], exporter["DATA_SOURCE_PASS"])
    assert not any(
        given["POSTGRES_PASSWORD"] in json.dumps(environment(name, given)) for name in SERVICES if name != "postgres"
    )
