"""A repository of git in a temporary folder."""

import subprocess


def git(folder, *args):
    """Run git with a name and an address, and without anybody's signing keys; what it prints."""
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", *args], cwd=folder,
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip()


def commit(folder, message="a change"):
    """Commit everything; the hash of the commit."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--no-verify", "-m", message)
    return git(folder, "rev-parse", "HEAD")
