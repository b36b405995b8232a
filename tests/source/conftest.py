from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from homeport.errors import UsageError
from homeport.settings.model import Settings
from homeport.source import Source, read_source
from homeport.source.release import forget_sources

# A small application: pinned by hand, nothing hashed.
APPLICATION = {"main.py": "app = 1\n", "requirements.txt": "fastapi[standard]==0.115.0\n"}
COMMIT_TIME = 1_700_000_000


class Repo:
    """A real git repository in a temporary folder, and what homeport makes of it."""

    def __init__(self, path: Path):
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"{COMMIT_TIME} +0000")
        return subprocess.run(
            ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", *arguments],
            cwd=self.path, env={**os.environ, **dates}, check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip

    def write(self, files: dict[str, str | bytes]) -> Repo:
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self

    def commit(self, files: dict[str, str | bytes] | None = None, message: str = "change") -> str:
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def read(self, **settings: object) -> Source:
        """Read the repository as a fresh process would."""
        forget_sources()
        values = {"app_name": "notes", "domain": "notes.example.com", "app_source": str(self.path), **settings}
        return read_source(Settings.model_validate(values), self.path.parent)

    def refusal(self, **settings: object) -> str:
        """Return the one line with which the repository is refused."""
        with pytest.raises(UsageError) as caught:
            self.read(**settings)
        line = str(caught.value)
        assert "\n" not in line
        assert caught.value.key
        assert caught.value.fix
        return line


@pytest.fixture(autouse=True)
def _own_git_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the configuration of whoever runs the tests out of them."""
    configuration = tmp_path_factory.mktemp("git") / "config"
    configuration.write_text('[protocol "file"]\n\tallow = always\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    yield
    forget_sources()


@pytest.fixture
def new_repo(tmp_path: Path) -> Callable[[str], Repo]:
    return lambda name: Repo(tmp_path / name)


@pytest.fixture
def repo(new_repo: Callable[[str], Repo]) -> Repo:
    """A repository with the small application committed."""
    made = new_repo("app")
    made.commit(dict(APPLICATION))
    return made
