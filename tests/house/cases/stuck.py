"""A test that says where its database is and then hangs, so that somebody can kill the run."""

import time
from pathlib import Path


def test_stuck(empty_database_url):
    Path("told").write_text(empty_database_url)
    time.sleep(60)
