"""What is committed is what is built, and a system may ask for its own."""

import pytest
import yaml
from click.testing import CliRunner

from monitoring import build
from monitoring.cli import monitor
from service.telemetry.objectives import OBJECTIVES
from tests.shape.tree import ROOT


@pytest.fixture(scope="module")
def built():
    return build.files()


def test_what_is_committed_is_what_is_built(built):
    """A rule that was changed by hand, or a row without its rule, is drift."""
    assert [] == list(build.drifted(built))


def test_each_file_says_that_it_is_generated(built):
    """Who opens it to change it reads where to go instead."""
    silent = [
        path
        for path, text in built.items()
        if "enerated" not in text.partition("\n")[0] + text.partition('"panels"')[0] * path.endswith(".json")
    ]

    assert [] == silent


def test_drift_is_noticed(tmp_path):
    """Changed, missing, and left behind."""
    files = {"monitoring/rules/a.yml": build.SAYS, "monitoring/rules/b.yml": build.SAYS}
    build.write({**files, "monitoring/rules/old.yml": build.SAYS}, tmp_path)
    (tmp_path / "monitoring/rules/a.yml").write_text("changed")
    (tmp_path / "monitoring/rules/b.yml").unlink()

    found = list(build.drifted(files, tmp_path))

    assert [
        "monitoring/rules/a.yml",
        "monitoring/rules/b.yml",
        "monitoring/rules/old.yml (nothing builds it any more)",
    ] == found


def test_a_system_gets_its_own(tmp_path):
    """Targets, where alerts go, and a drill's pace; nothing else is written."""
    words = ["--out", str(tmp_path), "--scale", "60", "--target", "serve=127.0.0.1:1", "--target", "serve=127.0.0.1:2"]
    words += ["--alertmanager", "127.0.0.1:3", "--smtp", "127.0.0.1:4", "--webhook", "http://127.0.0.1:5/x"]

    done = CliRunner().invoke(monitor, ["build", *words])

    prometheus = yaml.safe_load((tmp_path / "prometheus.yml").read_text())
    alertmanager = yaml.safe_load((tmp_path / "alertmanager.yml").read_text())
    (job,) = prometheus["scrape_configs"]
    assert (0, "1s") == (done.exit_code, prometheus["global"]["scrape_interval"])
    assert ["127.0.0.1:1", "127.0.0.1:2"] == job["static_configs"][0]["targets"]
    assert "127.0.0.1:4" == alertmanager["global"]["smtp_smarthost"]
    assert "responder" in {each["name"] for each in alertmanager["receivers"]}
    assert {"prometheus.yml", "alertmanager.yml", "rules"} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("target", ["serve", "serve=", "=127.0.0.1:1"])
def test_a_target_that_is_none_is_refused(tmp_path, target):
    """Exit code 2, and the form it should have."""
    done = CliRunner().invoke(monitor, ["build", "--out", str(tmp_path), "--target", target])

    assert done.exit_code == 2
    assert "JOB=HOST:PORT" in done.output


def test_alerts_can_be_listed():
    """For people a line each, in words, below a heading; for programs all of it."""
    told = CliRunner().invoke(monitor, ["ls"]).output
    rows = yaml.safe_load(CliRunner().invoke(monitor, ["ls", "--json"]).output)

    assert len(rows) == len(told.splitlines()) - 1
    assert "{{" not in told
    assert "<provider> does not answer: … of the calls fail" in told
    assert "runbooks/playbooks/DbDown.md" in {row["playbook"] for row in rows}


def test_what_is_kept_reaches_as_far_back_as_the_budgets():
    """An error budget of thirty days over half a month of samples would be twice as large as promised."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    command = compose["services"]["prometheus"]["command"]
    (kept,) = [word.partition("=")[2] for word in command if "retention.time" in word]

    assert int(kept.removesuffix("d")) > max(int(each.period.removesuffix("d")) for each in OBJECTIVES)
