"""`cubano`: one program, its commands found by the entry-point group `cubano.commands`.

A command belongs to its noun's folder or to a file here, and is entered in pyproject.toml. Exit codes everywhere: 0 well,
1 found something wrong, 2 usage.
"""

from service.cli.main import main

__all__ = ["main"]
