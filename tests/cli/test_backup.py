"""`cubano db backup`: a whole file that only its owner can read, the old ones removed, and no password on any command line."""

import re
import stat
from urllib.parse import urlsplit

from tests.cli.running import cubano, environment, read


def test_a_backup_is_written_and_the_oldest_goes(database_url, tmp_path):
    """Its name is its moment; nothing half-made stays; as many are kept as said."""
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in ("01", "02"):
        (folder / f"cubano-202601{day}T000000Z.dump").touch()

    made = cubano(environment(database_url), "db", "backup", "--to", str(folder), "--keep", "2", "--json")

    assert 0 == made.exit_code, made.output
    found = read(made)
    kept = sorted(each.name for each in folder.iterdir())
    assert ["cubano-20260102T000000Z.dump", found["file"].rpartition("/")[2]] == kept
    assert re.fullmatch(r"cubano-\d{8}T\d{6}Z[.]dump", kept[-1])
    assert b"PGDMP" == (folder / kept[-1]).read_bytes()[:5]
    assert found["bytes"] == (folder / kept[-1]).stat().st_size
    assert 0o600 == stat.S_IMODE((folder / kept[-1]).stat().st_mode)


def test_a_database_that_is_away_leaves_no_file(database_url, tmp_path):
    """Exit 1 and one line that says why, without the password."""
    gone = urlsplit(database_url)._replace(netloc="cubano:hidden@127.0.0.1:9").geturl()

    made = cubano(environment(gone), "db", "backup", "--to", str(tmp_path))

    assert 1 == made.exit_code
    assert made.stderr.startswith("No backup: ")
    assert "hidden" not in made.output
    assert [] == list(tmp_path.iterdir())
