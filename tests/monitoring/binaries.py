"""The real monitoring programs for tests; a test that needs one which is not there is skipped, counted and named."""

from pathlib import Path

import pytest

from service.local.binaries import Tool, find


def needed(tool: Tool) -> Path:
    """Where the program is; call it inside a test or a fixture."""
    return find(tool) or pytest.skip(f"no {tool.names[0]} on this machine (make test gets one on Debian and Ubuntu)")
