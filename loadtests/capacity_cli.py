"""`cubano load capacity`: plays the ramp, or reads one that was played, and says what it means for an on-sale.

Exit codes: 0 answered, 2 usage, 3 inconclusive (the ramp tells too little), 4 the system was not well.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from loadtests.capacity import (
    CORE_HOUR,
    GATEWAY_A_SECOND,
    Capacity,
    Wish,
    calm_and_busy,
    capacity,
    slowest_of,
    steps_of,
)
from loadtests.correct import correct
from loadtests.planning import print_capacity, record
from loadtests.play import play, system_for
from loadtests.result import load, save
from loadtests.scenario import SCENARIOS
from loadtests.stages import Scenario
from loadtests.swarm import GeneratorError
from loadtests.target import Target, UnhealthyError, running
from loadtests.usl import NotEnough

INCONCLUSIVE, UNHEALTHY = 3, 4
RAMP = "ramp"
REST_S = 180.0  # within which a system of somebody else has done what the ramp left
DISK = "/var/tmp"  # noqa: S108 - a fresh folder is made in it; /tmp is memory on many machines, where a flush costs nothing


@click.command("capacity")
@click.option("--passes", type=click.IntRange(1), default=2_000, show_default=True, help="How many are to be sold.")
@click.option("--passes-per-order", type=click.FloatRange(1, 100), default=1.0, show_default=True, help="On average.")
@click.option(
    "--gateway-rate",
    "gateway_per_second",
    type=click.FloatRange(min=0, min_open=True),
    default=GATEWAY_A_SECOND,
    show_default=True,
    help="New sessions a second the gateway allows your account.",
)
@click.option(
    "--core-hour",
    type=click.FloatRange(0),
    default=CORE_HOUR,
    show_default=True,
    help="What an hour of a core costs you.",
)
@click.option("--growth", type=click.FloatRange(0, 10), help="By which share you grow each year: 0.3 is 30 %.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed is the same crowd.")
@click.option(
    "--scale", type=click.FloatRange(0.05, 4), default=1.0, show_default=True, help="How long each level lasts, times."
)
@click.option(
    "--target", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="What `cubano up --json` printed."
)
@click.option(
    "--read",
    "kept",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A ramp that was played; plays none.",
)
@click.option("--save", "keep", type=click.Path(dir_okay=False, path_type=Path), help="Keep the ramp in this file.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def capacity_command(
    *,
    growth: float | None,
    seed: int,
    scale: float,
    target: Path | None,
    kept: Path | None,
    keep: Path | None,
    as_json: bool,
    **wished: Any,
) -> None:
    """How many orders this release takes, what gives way first, and how long an on-sale lasts.

    Levels of more and more buyers at once, each without rest, on a system started for it; then the Universal Scalability
    Law is fitted to them, and buyers who come when they come tell how long the slowest wait at 20 % and at 80 % of the knee.
    Nothing is said beyond one and a half times the largest level.
    """
    try:
        found = _read(kept, Wish(**wished)) if kept else _play(target, Wish(**wished), seed, scale, keep)
    except msgspec.MsgspecError as error:
        raise click.UsageError(f"{kept} is no ramp that `--save` has written: {error}") from error
    except (UnhealthyError, GeneratorError) as error:
        click.echo(f"cubano load: {error}", err=True)
        sys.exit(UNHEALTHY)
    except NotEnough as error:
        click.echo(f"inconclusive: {error}", err=True)
        sys.exit(INCONCLUSIVE)
    if as_json:
        click.echo(msgspec.json.encode(record(found, growth=growth)).decode())
    else:
        print_capacity(Console(), found, growth=growth)


def _read(kept: Path, wish: Wish) -> Capacity:
    ran = load(kept)
    return capacity(ran, steps_of(SCENARIOS[RAMP].scaled(1, seconds=ran.seconds / SCENARIOS[RAMP].seconds)), wish)


def _play(target: Path | None, wish: Wish, seed: int, scale: float, keep: Path | None) -> Capacity:
    """The ramp, then buyers at two shares of the knee that it found, when nothing of it is left to do."""
    scenario = SCENARIOS[RAMP].scaled(1, seconds=scale)
    with _system(target, scenario) as system:
        ran = play(scenario, system, seed, say=_say)
    if keep:
        save(ran, keep)
    found = capacity(ran, steps_of(scenario), wish)
    tail = calm_and_busy(found.fit.knee.value).scaled(1, seconds=scale)
    with _system(target, tail) as system:
        if not correct(system, within_s=REST_S).drained:
            _say(f"{tail.name}: not played, the system is still at work")
            return found
        return replace(found, slowest=slowest_of(play(tail, system, seed, say=_say, whole=False), tail))


@contextmanager
def _system(target: Path | None, scenario: Scenario) -> Iterator[Target]:
    """The one that was named, or a fresh one."""
    if target:
        yield running(target)
        return
    place = tempfile.TemporaryDirectory(prefix="cubano-load-", dir=DISK if Path(DISK).is_dir() else None)
    with place as folder, system_for(scenario, Path(folder)) as system:
        yield system


def _say(line: str) -> None:
    click.echo(line, err=True)
