"""Which code a run was made by: commit, branch, address and the changes that are not committed, of a checkout made for it."""

from __future__ import annotations

import subprocess

import pytest

from mnist_np import source_code
from mnist_np.tracking.origin import origin_tags

CACHED = ("git", "branch_and_remote", "uncommitted", "_checkout")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with one file of the package, which the package is believed to be; and how to call git there."""

    def git(*arguments):
        who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)
        forget()

    def forget():
        for name in CACHED:
            getattr(source_code, name).cache_clear()

    package = tmp_path / "mnist_np"
    package.mkdir()
    (package / "nn.py").write_text("one\n")
    monkeypatch.setattr(source_code, "PACKAGE", package)
    git("init", "-q", "-b", "trunk")
    git("add", ".")
    git("commit", "-qm", "first")
    yield package, git, forget
    monkeypatch.undo()
    forget()


def git_tags() -> dict[str, str]:
    prefix = "mlflow.source.git."
    return {key.removeprefix(prefix): value for key, value in origin_tags().items() if key.startswith(prefix)}


def test_a_clean_checkout_has_its_commit_and_branch(checkout):
    tags = git_tags()
    assert tags.keys() == {"commit", "branch", "dirty"}, "there is no remote"
    assert (tags["branch"], tags["dirty"], source_code.uncommitted()) == ("trunk", "false", "")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://example.com/a/b.git", "https://example.com/a/b.git"),
        ("https://me:secret@example.com/a.git", "https://example.com/a.git"),
        ("https://secret@example.com/a.git", "https://example.com/a.git"),
        ("git@example.com:a/b.git", "git@example.com:a/b.git"),
    ],
)
def test_the_address_has_no_password(checkout, address, shown):
    checkout[1]("remote", "add", "origin", address)
    assert git_tags()["repoURL"] == shown


def test_a_detached_head_has_no_branch(checkout):
    checkout[1]("checkout", "-q", "--detach")
    assert "branch" not in git_tags()


def test_changes_are_a_patch_that_can_be_applied(checkout):
    package, _, forget = checkout
    (package / "nn.py").write_text("two\n")
    (package / "new file.py").write_text("new\n")
    (package.parent / "notes.txt").write_text("not part of it\n")
    forget()
    assert git_tags()["dirty"] == "true"
    patch = source_code.uncommitted()
    assert "notes.txt" not in patch
    (package / "nn.py").write_text("one\n")
    (package / "new file.py").unlink()
    subprocess.run(["git", "apply"], cwd=package.parent, input=patch, text=True, check=True)
    assert (package / "nn.py").read_text() == "two\n"
    assert (package / "new file.py").read_text() == "new\n"


def test_an_installed_package_has_none(checkout, monkeypatch, tmp_path):
    elsewhere = tmp_path / "site-packages" / "mnist_np"
    elsewhere.mkdir(parents=True)
    monkeypatch.setattr(source_code, "PACKAGE", elsewhere)
    checkout[2]()
    assert git_tags() == {}
    assert source_code.uncommitted() == ""
