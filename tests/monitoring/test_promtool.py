"""The rules as they are committed, run by the real promtool: each alert fires in one case and is silent in another."""

import os
import subprocess

import pytest

from monitoring import build
from monitoring.durations import Scale
from service.local.binaries import Tool
from tests.monitoring.binaries import needed
from tests.shape.tree import ROOT

RULES = ROOT / "monitoring" / "rules"


def run(*words) -> str:
    """What the program says; it must be well."""
    environment = {**os.environ, "GOGC": "800"}  # it lives for seconds: tidying up is wasted on it
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False, cwd=RULES, env=environment)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.mark.parametrize("part", range(2))
def test_each_case_is_as_it_says(part):
    """Fires, silent, and what the sentence reads; in halves, for two cores."""
    files = sorted((RULES / "tests").glob("*.yml"), key=lambda path: -path.stat().st_size)[part::2]

    told = run(needed(Tool.PROMTOOL), "test", "rules", *files)

    assert len(files) == told.count("SUCCESS")


def test_the_committed_configuration_loads():
    """Prometheus takes prometheus.yml and every rule file it names."""
    told = run(needed(Tool.PROMTOOL), "check", "config", RULES.parent / "prometheus.yml")

    assert len(build.rules(Scale())) == told.count(" rules found")


def test_the_rules_of_a_drill_load(tmp_path):
    """Sixty times faster they are still rules."""
    build.write(build.running(build.Wishes(scale=60)), tmp_path)

    told = run(needed(Tool.PROMTOOL), "check", "config", tmp_path / "prometheus.yml")

    assert len(build.rules(Scale())) == told.count(" rules found")


def test_what_a_drill_waits_for_is_shorter(tmp_path):
    """An hour is a minute, and nothing of production's durations is left."""
    text = "".join(build.rules(Scale(60)).values())

    assert "[1m]" not in text
    assert "for: 2m" not in text
    assert "{" + "5m}" not in text
    assert "[5s]" in text
