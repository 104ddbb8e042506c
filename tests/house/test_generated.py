"""Generated files are as `make docs` writes them, and the example of the settings can be used as it is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate import PARTS, fill
from service.settings import SettingsError, load_settings

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / ".env.example").read_text()


def test_nothing_has_drifted():
    """Documents and .env.example equal what the code says now."""
    done = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stdout)


def test_drift_would_be_noticed():
    """A part that was edited by hand is written anew."""
    text = "<!-- generated: machine orders -->\nold\n<!-- /generated -->\n"

    assert PARTS["machine"]("orders") in fill(text)
    assert "old" not in fill(text)


def test_example_names_every_setting_once():
    """All commented lines taken as they are, only the required ones are missing a value, and what Stripe needs."""
    lines = dict(re.findall(r"^#?(CUBANO_\w+)=(.*)$", EXAMPLE, re.MULTILINE))
    required = set(re.findall(r"^(CUBANO_\w+)=$", EXAMPLE, re.MULTILINE))

    with pytest.raises(SettingsError) as refused:
        load_settings({name: value for name, value in lines.items() if name not in required})

    needed = {"CUBANO_STRIPE_API_KEY", "CUBANO_STRIPE_WEBHOOK_SECRETS"}
    assert required | needed == {problem.split()[0] for problem in refused.value.problems}
