"""What an engine is put together from outside of tests: the responder and the commands that work alone take the same."""

from collections.abc import Mapping
from pathlib import Path

from runbooks.actions.world import Places
from runbooks.engine.desk import Drafting, EngineSettings
from runbooks.engine.engine import Engine
from runbooks.engine.facts import Facts
from runbooks.engine.mirror import Mirror, Table
from runbooks.engine.notices import draft, load_notices
from runbooks.engine.only import Only
from runbooks.responder.operators import Role
from runbooks.settings import Settings

EVIDENCE = Path(__file__).parent / "drills" / "evidence"  # what is committed; what was drilled here lies in the state
LEAST_S = 20  # in a drill everything of ours runs faster; a queue drains as fast as ever
ROLES = frozenset({str(Role.ONCALL), str(Role.LEAD)})  # who may approve


def places_of(settings: Settings) -> Places:
    """Where everything is."""
    return Places(
        api_url=settings.api_url,
        api_key=settings.api_key.get_secret_value(),
        prometheus_url=settings.prometheus_url,
        alertmanager_url=settings.alertmanager_url,
        database_url=settings.database_url.get_secret_value(),
        programs=settings.postgres_programs,
        backups=settings.backups,
        state=settings.state,
        pace=settings.scale,
    )


def limits_of(settings: Settings) -> EngineSettings:
    """Who may approve, and where drills leave what they proved."""
    return EngineSettings(roles=ROLES, evidence=(EVIDENCE, settings.state), least_s=LEAST_S)


def mirror_of(settings: Settings, engine: Engine) -> Mirror | None:
    """The journal's mirror, where there is a database: the witness of its end. What differs stops the engine."""
    dsn = settings.database_url.get_secret_value()
    if not dsn:
        return None
    desk = engine.desk
    mirror = Mirror(engine.journal, Table(dsn), accepted=lambda: desk.runs.accepted, differs=engine.doubt)
    desk.seen = lambda: mirror.differences
    return mirror


def only_of(settings: Settings) -> Only | None:
    """That there is one engine, where there is a database to say so."""
    dsn = settings.database_url.get_secret_value()
    return Only(dsn) if dsn else None


def drafting() -> Drafting:
    """Notices as texts by language."""
    known = load_notices()

    def drafted(template: str, facts: Facts) -> Mapping[str, str]:
        return {
            language: f"{words.subject}\n\n{words.body}" for language, words in draft(known[template], facts).items()
        }

    return drafted
