"""What the real programs say of themselves."""

import re
import subprocess
from pathlib import Path


def flags(program: Path) -> set[str]:
    """The long flags that a program's help names."""
    done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=30, check=False)
    return {f"--{name}" for name in re.findall(r"--(?:\[no-\])?([a-z][\w.-]+)", done.stdout + done.stderr)}
