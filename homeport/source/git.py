"""The `git` program, run in one repository on the controller, shielded from the caller's own git variables.

This is the only module of `homeport.source` that starts a process. It decides only which error a failure of git
itself is (not installed, no repository, refused); its callers interpret what git says about a ref or a file.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from homeport.errors import UsageError

# Long enough for a large repository on a slow disk; a git that waits for something else must not hang a deploy.
TIMEOUT_SECONDS = 300
# Variables of the caller that are kept: where its configuration is, how it signs in. All other GIT_* (GIT_DIR,
# GIT_INDEX_FILE, GIT_WORK_TREE …, set inside a hook for instance) would make git look at another repository.
_KEPT = ("GIT_CONFIG_", "GIT_SSL_", "GIT_SSH", "GIT_ASKPASS")
_DROPPED = ("GIT_CONFIG_PARAMETERS",)


# The message of git when it could not download what a partial clone (`git clone --filter=…`) lacks.
PARTIAL = "promisor remote"


class GitError(Exception):
    """git ended with a status other than zero; `str()` is what it said."""


@dataclass(frozen=True)
class Repository:
    """A git repository, and `folder`: the path below its root that the commands run in ("" for the root).

    A `bare` one has no working tree. `objects` are folders of objects that git looks into besides its own.
    """

    path: Path
    folder: str = ""
    bare: bool = False
    objects: tuple[str, ...] = ()

    def run(
        self,
        *arguments: str,
        standard_input: bytes = b"",
        variables: Mapping[str, str] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> bytes:
        """Return the output of `git ARGUMENTS`, run in the repository's root; raise GitError if it fails."""
        try:
            done = subprocess.run(
                _command(self.path, arguments),
                input=standard_input,
                capture_output=True,
                env={**_environment(self.objects), **(variables or {})},
                timeout=timeout_seconds,
                check=False,
            )
        except FileNotFoundError:
            raise _no_git() from None
        except subprocess.TimeoutExpired:
            raise GitError(f"git {arguments[0]} took longer than {timeout_seconds:g} seconds") from None
        if done.returncode:
            raise GitError(done.stderr.decode(errors="replace").strip())
        return done.stdout

    def text(self, *arguments: str) -> str:
        """Return the output of `git ARGUMENTS` as text, without the line's end."""
        return self.run(*arguments).decode("utf-8", "surrogateescape").removesuffix("\n")

    def attempt(self, *arguments: str, timeout_seconds: float = TIMEOUT_SECONDS) -> str | None:
        """Return the output of `git ARGUMENTS` as text, or None if git says no."""
        try:
            return self.run(*arguments, timeout_seconds=timeout_seconds).decode("utf-8", "surrogateescape").strip()
        except GitError:
            return None

    @contextmanager
    def stream(self, *arguments: str) -> Iterator[IO[bytes]]:
        """Yield the output of `git ARGUMENTS` as it arrives; raise GitError at the end if git failed.

        When the body raises, git is stopped and that error goes on.
        """
        process = subprocess.Popen(
            _command(self.path, arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(self.objects),
        )
        assert process.stdout is not None  # noqa: S101 - for the type checker
        try:
            yield process.stdout
        except BaseException:
            process.kill()
            process.communicate()
            raise
        complaint = process.communicate()[1]
        if process.returncode:
            raise GitError(complaint.decode(errors="replace").strip())


def find_repository(source: str, project: Path) -> Repository:
    """Return the repository that `source` (the setting `app_source`) is or lies in, relative to `project`.

    Raises UsageError, key app_source: no such folder, no repository, git not installed or refusing it.
    """
    if "://" in source or (":" in source and "@" in source.split(":")[0]):
        raise _source_error(f"{source} is an address", "git clone it and set app_source to the clone's folder")
    path = (project / Path(source).expanduser()).resolve()
    if not path.is_dir():
        raise _source_error(f"no folder at {path}", "set app_source to the folder of a git repository")
    here = Repository(path)
    try:
        prefix, root = here.text("rev-parse", "--show-prefix", "--show-toplevel").split("\n", 1)
        return Repository(Path(root), prefix.rstrip("/"))
    except GitError as error:
        bare, _, root = (here.attempt("rev-parse", "--is-bare-repository", "--absolute-git-dir") or "").partition("\n")
        if bare == "true":
            return Repository(Path(root), bare=True)
        raise _repository_error(path, str(error)) from None


def _repository_error(path: Path, said: str) -> UsageError:
    if "dubious ownership" in said:
        return _source_error(
            f"git refuses the repository at {path} because it belongs to another user",
            f"git config --global --add safe.directory {path}",
        )
    if "not a git repository" in said:
        return _source_error(f"no git repository at {path}", "git init there and commit, or set app_source to one")
    return _source_error(f"git cannot read the repository at {path}: {said}", "check it with git status there")


def _command(path: Path, arguments: tuple[str, ...]) -> list[str]:
    # fsmonitor would start a program that the repository chooses to read the working tree.
    return ["git", "-C", str(path), "-c", "core.fsmonitor=false", *arguments]


def _environment(objects: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the caller's environment without its git variables; git prints English, asks and locks nothing.

    `objects` are folders of objects besides the repository's own.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or (name.startswith(_KEPT) and name not in _DROPPED)
    }
    fixed = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_LITERAL_PATHSPECS": "1"}
    # git(1): such a list has quotes around a path that has its separator in it.
    more = ":".join(json.dumps(one, ensure_ascii=False) if ":" in one or '"' in one else one for one in objects)
    return {**kept, **fixed, **({"GIT_ALTERNATE_OBJECT_DIRECTORIES": more} if more else {})}


def _no_git() -> UsageError:
    return _source_error("git is not installed on this machine", "install it (apt install git)")


def _source_error(problem: str, fix: str) -> UsageError:
    return UsageError(problem, key="app_source", fix=fix)
