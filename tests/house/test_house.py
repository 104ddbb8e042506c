"""The two commands, the locked tools, and the files for editors and hooks agree with each other."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]


def test_ci_runs_exactly_make_test():
    """What a developer runs is what CI runs."""
    lines = (ROOT / ".ci" / "run").read_text().splitlines()

    assert ["#!/usr/bin/env bash", "set -euo pipefail", "make test"] == lines


def test_make_alone_lists_every_command():
    """`make` explains itself, and changes nothing."""
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)

    listed = re.findall(r"^  make (\w+) ", done.stdout, re.MULTILINE)
    assert {"up", "test", "drill", "fuzz", "setup", "check", "bench", "load", "docs", "clean", "help"} == set(listed)


def test_one_uv_for_all():
    """Makefile and Dockerfile pin the same uv, and the project accepts it."""
    pinned = {
        *re.findall(r"UV_VERSION := (\S+)", MAKEFILE),
        *re.findall(r"uv==(\d\S+)", (ROOT / "Dockerfile").read_text()),
    }

    assert 1 == len(pinned)
    assert re.findall(r">=(\d+\.\d+)", PROJECT["tool"]["uv"]["required-version"])[0] in pinned.pop()


def test_lock_names_only_the_public_index():
    """Whose mirror was used to make the lock is nobody's business; set-up takes the user's own."""
    hosts = set(re.findall(r'https?://([^/"]+)', (ROOT / "uv.lock").read_text()))

    assert {"pypi.org", "files.pythonhosted.org"} == hosts


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_hooks_use_what_setup_installed(hook):
    """Each hook is a tool of .venv, so that it judges as `make check` does."""
    assert "system" == hook["language"]
    assert (ROOT / hook["entry"].split()[0]).exists()


@pytest.mark.parametrize("path", [".vscode/settings.json", ".vscode/extensions.json"])
def test_editor_files_are_json(path):
    """An editor ignores a broken file without a word."""
    assert json.loads((ROOT / path).read_text())


def test_set_up_writes_nothing_that_git_sees():
    """What set-up and tests make is ignored by git."""
    made = [".venv/x", ".cubano/x", ".mypy_cache/x", ".ruff_cache/x", ".pytest_cache/x", "service/__pycache__/x.pyc"]
    done = subprocess.run(["git", "check-ignore", *made], cwd=ROOT, capture_output=True, text=True, check=False)

    assert made == done.stdout.split()
