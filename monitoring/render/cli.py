"""`cubano monitor render`: look at a dashboard without Grafana."""

import tempfile
import time
from pathlib import Path

import click

from monitoring.render import picture, read, sheet
from monitoring.render.ask import Prometheus, Span, seconds
from monitoring.render.errors import Undrawable

PROMETHEUS = "http://127.0.0.1:9090"  # of `cubano up`
_POINTS = 240  # a line of a chart holds as many
_LEAST_WIDTH, _MOST_WIDTH = 320, 4096


def _length(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    try:
        return seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _choices(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    if any(not (name and sign and chosen) for name, sign, chosen in pairs):
        raise click.BadParameter("as in provider=stripe")
    return {name: chosen for name, _, chosen in pairs}


@click.command()
@click.argument("dashboard")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="A file that ends in .html or .png."
)
@click.option("--prometheus", default=PROMETHEUS, show_default=True, help="Where the data are.")
@click.option(
    "--from", "length_s", callback=_length, default="1h", show_default=True, help="How far back: 15m, 1h, 1d."
)
@click.option(
    "--width",
    type=click.IntRange(_LEAST_WIDTH, _MOST_WIDTH),
    default=1440,
    show_default=True,
    help=f"In pixels; below {sheet.PHONE} as on a phone.",
)
@click.option(
    "--var", "chosen", callback=_choices, multiple=True, metavar="NAME=VALUE", help="A choice above the page."
)
def render(*, dashboard: str, out: Path, prometheus: str, length_s: float, width: int, chosen: dict[str, str]) -> None:
    """Draw DASHBOARD (a uid such as `payments`, or a JSON file) with the data of a running Prometheus.

    The HTML is one file without scripts. A PNG needs playwright and a Chromium. Exit code 1 when it cannot be drawn.
    """
    if out.suffix not in {".html", ".png"}:
        raise click.BadParameter("ends in .html or .png", param_hint="--out")
    source = Prometheus(prometheus, chosen)
    try:
        found = read.load(dashboard)
        span = Span.of(time.time(), length_s, points=_POINTS, least_s=source.scrape_s())
        _write(sheet.html(found, source, span, width=width), out, width)
    except Undrawable as error:
        raise click.ClickException(str(error)) from error
    finally:
        source.close()
    click.echo(f"{out} is drawn.")


def _write(text: str, out: Path, width: int) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".html":
        out.write_text(text, encoding="utf-8")
        return
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(text, encoding="utf-8")
        picture.take(page, out, width=width)
