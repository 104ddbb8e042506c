"""The monitoring programs: what is on PATH wins, what is missing is fetched when that can be, and said when not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.local.binaries import Tool, fetch, find


def _program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def no_path(monkeypatch, tmp_path):
    """A machine on which nothing is installed."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def test_what_is_on_path_is_used(no_path, tmp_path):
    """Whatever it is called there; the folder of ours comes second."""
    ours = _program(tmp_path / "usr" / "bin" / "amtool", "amtool, version 0.25.0")
    theirs = _program(no_path / "prometheus-alertmanager", "alertmanager, version 0.27.0")

    assert ours == find(Tool.AMTOOL, tmp_path)
    assert theirs == find(Tool.ALERTMANAGER, tmp_path)


@pytest.mark.parametrize(
    ("says", "good"),
    [
        ("prometheus, version 2.31.2+ds1 (branch: debian)", False),  # Ubuntu 22.04: no keep_firing_for
        ("prometheus, version 2.42.0+ds (branch: debian)", True),
        ("prometheus, version 3.5.0 (branch: HEAD)", True),
        ("something else", False),
    ],
)
def test_a_prometheus_that_cannot_read_our_rules_is_none(no_path, tmp_path, says, good):
    """An old one counts as missing, so that it is replaced or said."""
    program = _program(no_path / "prometheus", says)

    assert (program if good else None) == find(Tool.PROMETHEUS, tmp_path)


def test_without_apt_everything_missing_is_named(no_path, tmp_path):
    """Nothing is tried and nothing fails."""
    assert list(Tool) == fetch(tmp_path)
    assert [] == list(tmp_path.iterdir())


def test_a_download_that_fails_leaves_nothing(no_path, tmp_path):
    """No network: the programs stay missing, and so does the scratch folder."""
    _program(no_path / "dpkg-deb", "")
    _program(no_path / "apt-get", "").write_text("#!/bin/sh\nexit 100\n")

    assert list(Tool) == fetch(tmp_path / "monitoring")
    assert [] == list((tmp_path / "monitoring").iterdir())


def test_a_program_that_does_not_start_is_none(no_path, tmp_path):
    """Cut off, or of another machine: it counts as missing, and ends nobody who only looks."""
    _program(tmp_path / "usr" / "bin" / "prometheus", "").write_bytes(b"\x7fELF")

    assert find(Tool.PROMETHEUS, tmp_path) is None


@pytest.mark.parametrize("code", [0, 2])
def test_a_package_is_there_whole_or_not_at_all(no_path, tmp_path, code):
    """What was unpacked before something went wrong is thrown away; else it stands where programs are looked for."""
    _program(no_path / "apt-get", "").write_text("#!/bin/sh\n: > prometheus-alertmanager.deb\n")
    unpack = f'#!/bin/sh\n/bin/mkdir -p "$3/usr/bin"\n: > "$3/usr/bin/amtool"\n/bin/chmod 755 "$3/usr/bin/amtool"\nexit {code}\n'
    _program(no_path / "dpkg-deb", "").write_text(unpack)
    folder = tmp_path / "monitoring"

    missing = fetch(folder)

    assert (code != 0) == (Tool.AMTOOL in missing)
    assert [] == list(folder.glob("fetch-*"))
    assert (code == 0) == (folder / "usr" / "bin" / "amtool").exists()


def test_one_line_says_what_is_missing_and_the_way_out(tmp_path):
    """Exit code 0: `make up` goes on without them."""
    code = f"import pathlib; from service.local.binaries import main; main(pathlib.Path({str(tmp_path)!r}))"
    clean = {"PATH": str(tmp_path), "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True)

    assert 1 == len(done.stdout.splitlines())
    assert "not on this machine: prometheus, promtool, alertmanager, amtool, postgres_exporter" in done.stdout
    assert "https://prometheus.io/download" in done.stdout
