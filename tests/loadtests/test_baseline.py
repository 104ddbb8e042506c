"""What a release is compared with: a commit that can be had, a report of this machine; anything else says what to do."""

import subprocess

import msgspec
import pytest

from loadtests import history
from loadtests.baseline import NoBaseline, anchor, identity, laid_out, report
from loadtests.findings import Rounds, found
from loadtests.history import OtherMachine, recall, remember
from loadtests.report import as_json
from loadtests.scenario import SCENARIOS
from loadtests.thresholds import judge
from tests.loadtests import made

RUNS_BY = "service/local/cli.py"


@pytest.fixture
def repository(tmp_path):
    """A small one with two commits; the first is a release."""
    root = tmp_path / "tree"
    (root / "service" / "local").mkdir(parents=True)
    git(root, "init", "--quiet")
    (root / "README.md").write_text("a tree\n")
    for number in (1, 2):
        (root / RUNS_BY).write_text(f"# {number}\n")
        git(root, "add", ".")
        git(root, "commit", "--quiet", "--message", f"{number}")
        if number == 1:
            git(root, "tag", "v1.0")
    return root


def git(root, *words):
    who = ("-c", "user.name=Ana", "-c", "user.email=ana@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)


def findings(**changes):
    ran = made.run("smoke")
    told = found("gate", [(ran, "")], judge(ran, SCENARIOS["smoke"]), began_at=ran.began_at, seconds=20.0)
    return msgspec.structs.replace(told, **changes)


def test_the_anchor_is_the_last_release(repository):
    """And not the last commit, from which one creeps away; without a release it is the commit before."""
    assert "v1.0" == anchor(repository)
    git(repository, "tag", "--delete", "v1.0")
    assert "HEAD~1" == anchor(repository)
    (repository / RUNS_BY).write_text("# changed\n")
    assert "HEAD" == anchor(repository), "what was changed since is compared with what it was"


def test_a_release_is_laid_out_as_it_was(repository, tmp_path):
    """Beside the tree, once; the working tree is not touched."""
    trees = tmp_path / "trees"

    tree = laid_out("v1.0", repository, trees)

    assert "# 1\n" == (tree.path / RUNS_BY).read_text()
    assert "# 2\n" == (repository / RUNS_BY).read_text()
    assert tree == laid_out("v1.0", repository, trees)
    assert tree.name.startswith("v1.0 (")
    assert [tree.path] == list(trees.iterdir())


@pytest.mark.parametrize("ref", ["v9.9", "nothing", ""])
def test_a_baseline_that_is_not_there_says_what_to_do(repository, tmp_path, ref):
    """Fetch it, name another, or compare with nothing."""
    with pytest.raises(NoBaseline, match=r"git fetch --tags.*--against HEAD~1.*--alone"):
        laid_out(ref, repository, tmp_path / "trees")


def test_a_tree_that_cannot_be_run_is_no_baseline(repository, tmp_path):
    """One from before the command that starts it."""
    git(repository, "rm", "--quiet", RUNS_BY)
    git(repository, "commit", "--quiet", "--message", "without")

    with pytest.raises(NoBaseline, match="older than `cubano up`"):
        laid_out("HEAD", repository, tmp_path / "trees")


def test_without_a_repository_there_is_no_anchor(tmp_path):
    """A tree that was unpacked has no history."""
    assert ("", False) == identity(tmp_path)
    with pytest.raises(NoBaseline, match=r"no history.*--alone"):
        anchor(tmp_path)


def test_a_report_of_this_machine_is_a_baseline(tmp_path):
    """Whole, with its rounds; which database it had is known when ours has started."""
    path = tmp_path / "report.json"
    path.write_bytes(as_json(findings(rounds=Rounds([], [{"cpu": 12.0}]))))

    read = report(path, msgspec.structs.replace(made.HERE, postgres=""))

    assert [{"cpu": 12.0}] == read.rounds.new
    assert findings().rows == read.rows


def test_a_report_of_another_machine_is_refused_unless_somebody_insists(tmp_path):
    """It says in what they differ and what to do."""
    path = tmp_path / "report.json"
    other = msgspec.structs.replace(made.HERE, cores=64)
    path.write_bytes(as_json(findings(machine=other, rounds=Rounds([], [{"cpu": 12.0}]))))

    with pytest.raises(OtherMachine, match=r"cores: 64 there, 2 here.*--against REF.*--force"):
        report(path, made.HERE)
    assert 64 == report(path, made.HERE, force=True).machine.cores


@pytest.mark.parametrize(
    ("text", "told"), [("{}", "is no report"), ("not JSON", "is no report"), (None, "is no report")]
)
def test_another_file_is_no_baseline(tmp_path, text, told):
    """Nor is one that is not there."""
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text)

    with pytest.raises(NoBaseline, match=told):
        report(path, made.HERE)


def test_a_run_without_rounds_is_no_baseline(tmp_path):
    """There is nothing to compare with in it."""
    path = tmp_path / "report.json"
    path.write_bytes(as_json(findings()))

    with pytest.raises(NoBaseline, match="no rounds"):
        report(path, made.HERE)


def test_what_was_found_is_remembered(tmp_path):
    """A line each, with commit and machine; a line of another build is left out."""
    path = tmp_path / "load" / "history.jsonl"

    remember(findings(), path)
    with path.open("a") as file:
        file.write('{"older": true}\n')
    remember(findings(interrupted=True), path)

    lines = list(recall(path))
    assert [history.entry(findings()), history.entry(findings())] == lines
    assert (made.HERE, "0123456789ab", ["smoke"]) == (lines[0].machine, lines[0].commit, lines[0].scenarios)
    assert lines[0].figures["smoke cpu_ms_per_request"] > 0
    assert [] == list(recall(tmp_path / "nothing"))
