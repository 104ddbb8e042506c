"""Settings: read once, all problems in one list, and nothing that could cost money slips through by a typing error."""

import pytest

from service.settings import Settings, SettingsError, load_settings
from service.settings_checks import LOG_AREAS, LOG_LIBRARIES

LIVE_KEY = "sk_live_0123456789"
MASTER = "dGVzdC10ZXN0LXRlc3QtdGVzdC10ZXN0LXRlc3QtdGU="
RIGHT = {
    "CUBANO_DATABASE_URL": "postgresql://cubano:secret-word@127.0.0.1:5432/cubano",
    "CUBANO_SECRET_KEYS": "0123456789abcdef0123456789abcdef",
    "CUBANO_STRIPE_API_KEY": "sk_test_0123456789",
    "CUBANO_STRIPE_WEBHOOK_SECRETS": "whsec_0123456789",
}
PRODUCTION = RIGHT | {
    "CUBANO_ENVIRONMENT": "production",
    "CUBANO_VAULT_KEYS": f"2027-01:{MASTER}",
    "CUBANO_STRIPE_API_KEY": LIVE_KEY,
    "CUBANO_PUBLIC_URL": "https://tickets.alocubano.example",
    "CUBANO_SMTP_URL": "smtps://cubano:secret-word@mail.alocubano.test",
    "CUBANO_MAIL_FROM": "A Lo Cubano <tickets@alocubano.test>",
    "CUBANO_HELP_EMAIL": "help@alocubano.test",
}
STAGING = PRODUCTION | {"CUBANO_ENVIRONMENT": "staging", "CUBANO_STRIPE_API_KEY": "sk_test_0123456789"}
UNREAD = "must be set outside development, to an address that is read"


def problems_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load_settings(environ)
    return sorted(raised.value.problems)


def test_four_settings_are_enough():
    """All else has a default that fits a development machine."""
    settings = load_settings(RIGHT)

    assert ("development", 600, "") == (settings.environment, settings.hold_seconds, settings.stripe_base_url)
    assert not settings.livemode


def test_production_takes_real_money():
    """A live key, an https address, and no stand-in."""
    assert load_settings(PRODUCTION).livemode


@pytest.mark.parametrize("smtp_url", ["smtp://relay.internal.test:25", "smtps://u:p@mail.alocubano.test"])
def test_staging_and_production_start_when_all_is_set(smtp_url):
    """A relay that asks for no password needs no TLS."""
    for environ in (STAGING, PRODUCTION):
        assert smtp_url == load_settings(environ | {"CUBANO_SMTP_URL": smtp_url}).smtp_url.get_secret_value()


@pytest.mark.parametrize("url", ["", "http://staging.alocubano.test", "http://127.0.0.1:8000@evil.test", "http://[::1"])
def test_staging_has_tls_as_production_has(url):
    """Its cookies are staff's too; only a rehearsal on one machine does without."""
    assert "CUBANO_PUBLIC_URL must be https:// in staging" in problems_of(STAGING | {"CUBANO_PUBLIC_URL": url})
    assert load_settings(STAGING | {"CUBANO_PUBLIC_URL": "http://127.0.0.1:8000"}).environment == "staging"


def test_every_problem_is_told_at_once():
    """Missing, unknown, out of range and not fitting together: one start, one list."""
    environ = {
        "CUBANO_ENVIRONMENT": "staging",
        "CUBANO_STRIPE_API_KEY": LIVE_KEY,
        "CUBANO_STRIPE_BASE_URL": "http://127.0.0.1:8100",
        "CUBANO_SECRET_KEYS": "too-short",
        "CUBANO_HOLD_SECONDS": "soon",
        "CUBANO_HOLD_SECOND": "600",
        "CUBANO_SERVE_PORT": "70000",
    }

    assert problems_of(environ) == [
        "CUBANO_DATABASE_URL is required",
        f"CUBANO_HELP_EMAIL {UNREAD}",
        "CUBANO_HOLD_SECOND is not a setting of Cubano",
        "CUBANO_HOLD_SECONDS: Input should be a valid integer, unable to parse string as an integer",
        f"CUBANO_MAIL_FROM {UNREAD}",
        "CUBANO_PUBLIC_URL must be https:// in staging",
        "CUBANO_SECRET_KEYS: each key needs 32 characters or more",
        "CUBANO_SERVE_PORT: Input should be less than or equal to 65535",
        "CUBANO_SMTP_URL must be set outside development",
        "CUBANO_STRIPE_API_KEY is a live key; only production may hold one",
        "CUBANO_STRIPE_BASE_URL must be empty outside development: it names a stand-in",
        "CUBANO_STRIPE_WEBHOOK_SECRETS is required",
        "CUBANO_VAULT_KEYS must be set outside development",
    ]


@pytest.mark.parametrize(
    ("base", "change", "problem"),
    [
        # a live key where people play
        (RIGHT, {"STRIPE_API_KEY": LIVE_KEY}, "CUBANO_STRIPE_API_KEY is a live key; only production may hold one"),
        (RIGHT, {"STRIPE_API_KEY": "rk_live_1"}, "CUBANO_STRIPE_API_KEY is a live key; only production may hold one"),
        # tickets for play money
        (
            PRODUCTION,
            {"STRIPE_API_KEY": "sk_test_1"},
            "CUBANO_STRIPE_API_KEY is a test key; production needs a live one",
        ),
        # tickets for no money at all
        (
            PRODUCTION,
            {"STRIPE_BASE_URL": "http://127.0.0.1:8100"},
            "CUBANO_STRIPE_BASE_URL must be empty outside development: it names a stand-in",
        ),
        (PRODUCTION, {"PUBLIC_URL": "http://tickets.example"}, "CUBANO_PUBLIC_URL must be https:// in production"),
        # the address a customer would be sent to is this machine's
        (PRODUCTION, {"PUBLIC_URL": ""}, "CUBANO_PUBLIC_URL must be https:// in production"),
        (RIGHT, {"PUBLIC_URL": "tickets.example"}, "CUBANO_PUBLIC_URL: an http:// or https:// address is needed"),
        (RIGHT, {"PUBLIC_URL": "https://"}, "CUBANO_PUBLIC_URL: the address names no host"),
        (RIGHT, {"PUBLIC_URL": "http://["}, "CUBANO_PUBLIC_URL: the address cannot be read"),
        (RIGHT, {"STRIPE_BASE_URL": "http:///v1"}, "CUBANO_STRIPE_BASE_URL: the address names no host"),
        (RIGHT, {"DATABASE_URL": "postgresql:///cubano"}, "CUBANO_DATABASE_URL: the address names no host"),
        (RIGHT, {"SMTP_URL": "smtp://"}, "CUBANO_SMTP_URL: the address names no host"),
        (RIGHT, {"SMTP_URL": "smtp://mail:secret-word"}, "CUBANO_SMTP_URL: the address cannot be read"),
        # letters that would go nowhere, or show their password on the way
        (STAGING, {"SMTP_URL": ""}, "CUBANO_SMTP_URL must be set outside development"),
        (PRODUCTION, {"SMTP_URL": ""}, "CUBANO_SMTP_URL must be set outside development"),
        (
            PRODUCTION,
            {"SMTP_URL": "smtp://cubano:secret-word@mail.alocubano.test"},
            "CUBANO_SMTP_URL must be smtps:// outside development when it holds a password",
        ),
        (PRODUCTION, {"MAIL_FROM": ""}, f"CUBANO_MAIL_FROM {UNREAD}"),
        (STAGING, {"MAIL_FROM": "Us <tickets@alocubano.example>"}, f"CUBANO_MAIL_FROM {UNREAD}"),
        (STAGING, {"HELP_EMAIL": ""}, f"CUBANO_HELP_EMAIL {UNREAD}"),
        (STAGING, {"PUBLIC_URL": ""}, "CUBANO_PUBLIC_URL must be https:// in staging"),
        (RIGHT, {"MAIL_FROM": "A Lo Cubano"}, "CUBANO_MAIL_FROM: an e-mail address is needed"),
        (RIGHT, {"HELP_EMAIL": "help@"}, "CUBANO_HELP_EMAIL: an e-mail address is needed"),
        # one request must end before the answer to the buyer is due
        (RIGHT, {"GATEWAY_TIMEOUT_S": "10"}, "CUBANO_GATEWAY_TIMEOUT_S: Input should be less than or equal to 9"),
        # empty is absent: .env.example has the required ones so
        (RIGHT, {"DATABASE_URL": ""}, "CUBANO_DATABASE_URL is required"),
        (RIGHT, {"STRIPE_API_KEY": "  "}, "CUBANO_STRIPE_API_KEY is required"),
        (RIGHT, {"SECRET_KEYS": ","}, "CUBANO_SECRET_KEYS: at least one is needed"),
        (RIGHT, {"STRIPE_WEBHOOK_SECRETS": " , "}, "CUBANO_STRIPE_WEBHOOK_SECRETS is required"),
        *(  # no id, an id twice, not base64, too short
            (
                RIGHT,
                {"VAULT_KEYS": each},
                "CUBANO_VAULT_KEYS: each has the form id:key, 32 bytes in base64, and an id of its own",
            )
            for each in (MASTER, f"a:{MASTER},a:{MASTER}", f"a:{MASTER[:-2]}!=", "a:c2hvcnQ=")
        ),
        # one short key among long ones
        (
            RIGHT,
            {"SECRET_KEYS": RIGHT["CUBANO_SECRET_KEYS"] + ",old"},
            "CUBANO_SECRET_KEYS: each key needs 32 characters or more",
        ),
        (
            RIGHT,
            {"DATABASE_URL": "mysql://u:secret-word@h/d"},
            "CUBANO_DATABASE_URL: an address that starts with postgresql:// or postgres:// is needed",
        ),
        (
            RIGHT,
            {"SMTP_URL": "127.0.0.1:1025"},
            "CUBANO_SMTP_URL: an address that starts with smtp:// or smtps:// is needed",
        ),
        (
            RIGHT,
            {"ENVIRONMENT": "prod"},
            "CUBANO_ENVIRONMENT: Input should be 'development', 'staging' or 'production'",
        ),
        # a level of nobody, and no level
        (
            RIGHT,
            {"LOG_LEVELS": "http=warning,worker=loud"},
            "CUBANO_LOG_LEVELS: worker=loud: area=level is needed, the level one of DEBUG, INFO, WARNING, ERROR",
        ),
        (
            RIGHT,
            {"LOG_LEVELS": "htpp=DEBUG"},
            f"CUBANO_LOG_LEVELS: htpp=DEBUG: nobody speaks as htpp; there are {', '.join((*LOG_AREAS, *LOG_LIBRARIES))}",
        ),
        # a hold longer than the gateway's page lives
        (RIGHT, {"HOLD_SECONDS": "1501"}, "CUBANO_HOLD_SECONDS: Input should be less than or equal to 1500"),
        (RIGHT, {"HOLD_SECONDS": "0"}, "CUBANO_HOLD_SECONDS: Input should be greater than or equal to 1"),
        (RIGHT, {"STRIPE_APIKEY": "sk_test_1"}, "CUBANO_STRIPE_APIKEY is not a setting of Cubano"),
    ],
)
def test_what_is_wrong_stops_the_start(base, change, problem):
    """One sentence that names the variable, and never shows what was in it."""
    environ = base | {f"CUBANO_{name}": value for name, value in change.items()}

    assert [problem] == problems_of(environ)
    assert "secret-word" not in str(problems_of(environ))


def test_variables_of_our_other_programs_are_no_mistake():
    """The emulator, the local system, tests and benches have their own."""
    others = dict.fromkeys(("CUBANO_EMULATOR_PORT", "CUBANO_LOCAL_STATE", "CUBANO_TEST_DATABASE_URL"), "x")

    assert load_settings(RIGHT | others | {"PATH": "/bin", "OTEL_SERVICE_NAME": "x"})


def test_several_secrets_are_comma_separated():
    """While one is being rotated both are accepted; the first signs."""
    settings = load_settings(RIGHT | {"CUBANO_STRIPE_WEBHOOK_SECRETS": "whsec_new, whsec_old,"})

    assert ["whsec_new", "whsec_old"] == [each.get_secret_value() for each in settings.stripe_webhook_secrets]


def test_an_empty_variable_means_the_default():
    """As a compose file hands in what its own environment lacks."""
    assert 600 == load_settings(RIGHT | {"CUBANO_HOLD_SECONDS": ""}).hold_seconds


def test_secrets_do_not_print():
    """Nor in a traceback of pydantic's."""
    settings = load_settings(PRODUCTION)

    assert not any(word in repr(settings) for word in ("secret-word", LIVE_KEY, "whsec_0", "0123456789abcdef"))


def test_every_setting_has_its_help():
    """One sentence each; `.env.example` and the documents are made of them."""
    assert [] == [
        name
        for name, field in Settings.model_fields.items()
        if not (field.description or "").endswith((".", ")")) and name != "database_url"
    ]
