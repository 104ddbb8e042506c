"""After all customers have left: every promise of the data holds, and the system ends when it is told to."""

import subprocess
import time

import pytest

from tests.e2e.conftest import LAST
from tests.local.programs import alive, processes_naming
from tests.local.running import CUBANO

pytestmark = pytest.mark.xdist_group("e2e")


def test_every_invariant_holds(system):
    """`cubano invariants` finds nothing wrong in what the customers left behind."""
    done = subprocess.run(
        [str(CUBANO), "invariants"], env=system.environment, capture_output=True, text=True, check=False, timeout=60
    )

    assert (0, "") == (done.returncode, done.stderr), done.stdout


def test_ends_when_told(system, chromium):
    """SIGTERM ends everything within ten seconds, although a browser is still around, and leaves no process."""
    began = time.monotonic()

    code = system.running.stop()

    assert (0, True) == (code, time.monotonic() - began < 10)
    assert [] == [pid for pid in system.running.found["pids"].values() if alive(pid)]
    assert [] == processes_naming(str(system.running.state))


def test_comes_last(request):
    """This file is asked after every other one of its folder."""
    names = [item.path.name for item in request.session.items if item.path.parent == request.path.parent]

    assert [LAST] * 3 == names[-3:]
