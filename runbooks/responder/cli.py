"""`cubano respond`: the responder as a process, and the people who may use it."""

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from runbooks.settings import Settings

GRACE_S = 5


@click.group(invoke_without_command=True)
@click.pass_context
def respond(context: click.Context) -> None:
    """Hear of alerts, plan their playbooks, show the person on call one clear action. Settings: CUBANO_RESPOND_*."""
    if context.invoked_subcommand is None:
        _run()


@respond.group()
def operators() -> None:
    """Who may sign in: people with a token of their own."""


@operators.command()
@click.argument("name")
@click.option("--role", type=click.Choice(["viewer", "on_call", "lead"]), default="on_call", show_default=True)
@click.option("--if-missing", is_flag=True, help="Somebody of this name already there is well.")
def add(name: str, role: str, *, if_missing: bool) -> None:
    """Add somebody, and print their token, this once. CUBANO_RESPOND_OPERATOR_TOKEN gives one instead."""
    from runbooks.responder.operators import Operators, Role, UnfitNameError  # noqa: PLC0415 - a command loads its own

    known, token = Operators(_state()), os.environ.get("CUBANO_RESPOND_OPERATOR_TOKEN", "")
    if if_missing and known.named(name) is not None:
        return
    try:
        made = known.add(name, Role(role), datetime.now(UTC), token=token)
    except UnfitNameError as error:
        raise click.ClickException(str(error)) from None
    if not token:
        click.echo(made)


@operators.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove somebody; their token and sessions are worth nothing from now on."""
    from runbooks.responder.operators import Operators  # noqa: PLC0415 - as above

    if not Operators(_state()).remove(name):
        raise click.ClickException(f"there is nobody called {name}")


@operators.command(name="ls")
def list_operators() -> None:
    """List them."""
    from runbooks.responder.operators import Operators  # noqa: PLC0415 - as above

    for each in Operators(_state()).all:
        click.echo(f"{each.name:24} {each.role:8} since {each.since:%Y-%m-%d}")


def _state() -> Path:
    return Path(os.environ.get("CUBANO_RESPOND_STATE", ".cubano/respond"))


def _run() -> None:
    import uvicorn  # noqa: PLC0415 - as above

    from runbooks.engine.journal import HeldError  # noqa: PLC0415
    from runbooks.responder.app import create_app  # noqa: PLC0415
    from service.telemetry.logs import configure_logs  # noqa: PLC0415

    settings = _settings()
    configure_logs("respond", settings.log_format)
    config = uvicorn.Config(
        create_app(settings, checkpoint=_struck(settings)),
        host=settings.host,
        port=settings.port,
        ws="none",
        lifespan="on",
        loop="asyncio",  # uvloop starts no program as another account, and a backup is tried as nobody
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    for number in (signal.SIGTERM, signal.SIGINT):  # the server raises it once more after its clean end
        signal.signal(number, lambda *_: None)
    try:
        uvicorn.Server(config).run()
    except HeldError as error:
        raise click.ClickException(f"{error}; two engines would do everything twice") from None


def _settings() -> "Settings":
    from runbooks.settings import SettingsError, load  # noqa: PLC0415 - as above

    try:
        return load({name: value for name, value in os.environ.items() if name != "CUBANO_RESPOND_OPERATOR_TOKEN"})
    except SettingsError as error:
        click.echo("\n".join(error.problems), err=True)
        sys.exit(2)


def _struck(settings: "Settings") -> "Callable[[str], None]":
    """For drills: ends this process as a power cut would, once, at the point that CUBANO_RESPOND_DIES_AT names."""
    point, mark = settings.dies_at, settings.state / "died"

    def strike(name: str) -> None:
        if point and name == point and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    return strike
