"""The group itself: a command is loaded when it is called and not before, so that `cubano --help` stays quick."""

from importlib.metadata import EntryPoint, entry_points

import click

from service import __version__

GROUP = "cubano.commands"
# What each says of itself, so that the list of all loads none of them. A command that is not here is loaded for it.
SUMMARIES = {
    "access": "Who may do what, and who did.",
    "bench": "Measure the hot paths against PostgreSQL alone.",
    "books": "What came in, where it is, whether the gateways agree, and the end of days and months.",
    "cases": "What only a person can put right: refunds that failed, disputes, money that nobody could give back.",
    "controls": "Operational switches: who gets checkouts, breakers by hand, pause, maintenance.",
    "db": "The schema and the sample festival.",
    "desk": "Money that a person takes or hands out.",
    "disputes": "Payments that a buyer's bank asks back.",
    "doctor": "Look at settings, database, schema and gateways, and say what is wrong with them.",
    "emulate": "Run a stand-in for the payment gateways on loopback.",
    "erase": "Erase the customer of EMAIL, or of ORDER (its id or number), in all their orders.",
    "inbox": "Events of the gateways, dead letters among them.",
    "invariants": "Check every promise the data must keep; exit 1 when one is broken.",
    "load": "May this release go out? Load, limits, money, and a comparison.",
    "monitor": "Rules, alerts, routes and dashboards, built from the catalogue.",
    "serve": "Answer the API and the pages.",
    "up": "Run the whole system on this machine until Ctrl-C.",
    "vault": "Personal data is sealed under each order's own key, and those under a master key.",
    "work": "Apply events, send mail, close what nobody paid.",
}


class Commands(click.Group):
    """Finds its commands among the installed entry points."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_installed())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        found = _installed().get(cmd_name)
        command = found.load() if found else None
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, SUMMARIES.get(name) or self._ask(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _ask(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        return command.get_short_help_str(limit=120) if command else ""


def _installed() -> dict[str, EntryPoint]:
    return {each.name: each for each in entry_points(group=GROUP)}


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cubano")
def main() -> None:
    """The payment platform of A Lo Cubano Boulder Fest."""
