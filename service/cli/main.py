"""The group itself: loads a command only when it is called, so that `cubano --help` stays quick."""

from importlib.metadata import EntryPoint, entry_points

import click

from service import __version__

GROUP = "cubano.commands"


class Commands(click.Group):
    """Finds its commands among the installed entry points."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_installed())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        found = _installed().get(cmd_name)
        command = found.load() if found else None
        return command if isinstance(command, click.Command) else None


def _installed() -> dict[str, EntryPoint]:
    return {each.name: each for each in entry_points(group=GROUP)}


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cubano")
def main() -> None:
    """The payment platform of A Lo Cubano Boulder Fest."""
