"""Versions that are left open, resolved by a real uv against an index of the test's own."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from homeport.settings.loading import load
from homeport.source import Source, read_source
from homeport.source.release import forget_sources
from homeport.source.resolved_versions import forget_resolutions, resolved
from tests.package_index import Index, served

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")


class Developer:
    """A repository with an application that takes its packages from an index, and a project beside it."""

    def __init__(self, folder: Path, index: Index):
        self.app, self.project, self.index = folder / "app", folder / "project", index
        for place in (self.app, self.project):
            place.mkdir()
        self.git("init", "-q")
        self.asks("spam>=1")

    def git(self, *words: str) -> None:
        subprocess.run([*GIT, *words], cwd=self.app, check=True)

    def asks(self, *lines: str, name: str = "requirements.txt") -> None:
        """Commit what the application asks for."""
        head = [f"--index-url {self.index.url}"] if name == "requirements.txt" else []
        (self.app / "main.py").write_text("app = None\n")
        (self.app / name).write_text("".join(f"{line}\n" for line in (*head, *lines)))
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")

    def source(
        self, *, upgrade: bool = False, project: Path | None = None, groups: tuple[str, ...] = (), **secrets: str
    ) -> Source:
        """Return what a run, in a process of its own, would release."""
        forget_sources()
        forget_resolutions()
        data = {"app_name": "notes", "domain": "a.example.com", "app_source": str(self.app)}
        settings = load({**data, "dependency_groups": list(groups)}, "web1")
        project = project or self.project
        return resolved(read_source(settings, project), project, "notes", secrets, upgrade=upgrade)

    def files(self) -> list[Path]:
        return sorted((self.project / "resolved").glob("*.txt"))


@pytest.fixture
def developer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Developer]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_FIND_LINKS", "UV_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_NO_CACHE", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with served() as index:
        for version in ("1.0", "1.1"):
            index.upload("spam", version)
        yield Developer(tmp_path, index)


def pins(source: Source) -> list[str]:
    """Return the versions in the release's own requirements."""
    with tarfile.open(fileobj=BytesIO(source.archive().data)) as archive:
        found = archive.extractfile(".homeport/requirements.txt")
        assert found
        return [line.split()[0] for line in found.read().decode().splitlines() if "==" in line]


def test_a_newer_version_in_the_index_is_none_for_the_next_machine(developer: Developer) -> None:
    first = developer.source()
    developer.index.upload("spam", "1.2")

    second = developer.source()

    assert pins(first) == pins(second) == ["spam==1.1"]
    assert first.dependencies.digest == second.dependencies.digest
    (install,) = second.dependencies.install
    assert install[:4] == ("pip", "install", "-r", ".homeport/requirements.txt")
    assert install[-1] == "--require-hashes"


def test_versions_are_looked_for_again_when_that_is_asked_for_or_the_file_changes(developer: Developer) -> None:
    first = developer.source()
    developer.index.upload("spam", "1.2")

    newer = developer.source(upgrade=True)

    assert pins(newer) == ["spam==1.2"]
    assert newer.dependencies.digest != first.dependencies.digest
    assert pins(developer.source()) == ["spam==1.2"]
    developer.index.upload("spam", "1.3")
    developer.asks("spam>=1.1")
    assert pins(developer.source()) == ["spam==1.3"]
    assert len(developer.files()) == 2


def test_once_it_is_written_down_no_index_is_asked(developer: Developer) -> None:
    developer.source()
    asked = developer.index.asked

    developer.asks("spam>=1")
    developer.source()

    assert developer.index.asked == asked


def test_what_is_written_down_is_told_and_counts_also_as_it_was_edited(developer: Developer) -> None:
    first = developer.source()
    (place,) = developer.files()
    assert first.warnings == (
        f"requirements.txt: versions are not pinned (spam); every machine gets those in resolved/{place.name} "
        "(commit that file; homeport deploy --upgrade-dependencies makes it anew)",
    )

    place.write_text("# ours\nspam==1.0\n")

    edited = developer.source()
    assert pins(edited) == ["spam==1.0"]
    assert "--require-hashes" not in edited.dependencies.install[0]


def test_it_keeps_no_release_from_being_made_where_project_and_application_are_one(developer: Developer) -> None:
    source = developer.source(project=developer.app)

    assert pins(source) == ["spam==1.1"]
    settings = load({"app_name": "notes", "domain": "a.example.com", "app_source": "."}, "web1")
    forget_sources()
    again = read_source(settings, developer.app)
    assert again.tree == source.tree
    assert not again.dirty
    developer.git("add", "-A")
    developer.git("commit", "-q", "-m", "the versions")
    forget_sources()
    assert read_source(settings, developer.app).tree == source.tree


def test_a_project_that_cannot_be_written_to_has_its_versions_in_the_cache(developer: Developer) -> None:
    (developer.project / "resolved").write_text("a file in its place")
    first = developer.source()
    developer.index.upload("spam", "1.2")

    assert pins(developer.source()) == pins(first) == ["spam==1.1"]
    assert "/cache/homeport/resolved/notes-" in first.warnings[0]


def test_where_it_cannot_be_resolved_each_machine_does_so_as_before_and_that_is_said(developer: Developer) -> None:
    developer.asks("spam>=7")
    source = developer.source(INDEX_PASSWORD="spam>=7")

    assert source.dependencies.install[0][:4] == ("pip", "install", "-r", "requirements.txt")
    assert developer.files() == []
    (said,) = source.warnings
    assert "versions are not pinned (spam), and they cannot be resolved here (" in said
    assert "No solution found" in said
    assert "spam>=7" not in said
    assert "\n" not in said


@pytest.mark.parametrize("lines", [("spam==1.0",), ("spam==1.0", f"fastapi-cli==1 --hash=sha256:{'0' * 64}")])
def test_what_is_pinned_is_left_as_it_is(developer: Developer, lines: tuple[str, ...]) -> None:
    developer.asks(*lines)
    source = developer.source()

    assert source.warnings == ()
    assert source.dependencies.install[0][3] == "requirements.txt"
    assert developer.files() == []


def test_a_project_without_a_lock_gets_versions_too_and_an_extra_counts(developer: Developer) -> None:
    developer.git("rm", "-q", "requirements.txt")
    lines = ("[project]", 'name = "a"', 'version = "1"', 'dependencies = ["spam>=1"]', "[[tool.uv.index]]")
    developer.asks(*lines, f'url = "{developer.index.url}"', "default = true", name="pyproject.toml")

    source = developer.source()

    assert pins(source) == ["spam==1.1"]
    assert source.warnings[0].startswith("pyproject.toml: versions are not pinned (spam); every machine gets those in ")


def test_what_is_put_into_a_dependency_group_is_installed_with_the_next_release(developer: Developer) -> None:
    developer.git("rm", "-q", "requirements.txt")
    developer.index.upload("eggs", "2.0")
    lines = ["[project]", 'name = "a"', 'version = "1"', 'dependencies = ["spam>=1"]', "[[tool.uv.index]]"]
    lines += [f'url = "{developer.index.url}"', "default = true", "[dependency-groups]"]
    developer.asks(*lines, "prod = []", name="pyproject.toml")
    assert pins(developer.source(groups=("prod",))) == ["spam==1.1"]

    developer.asks(*lines, 'prod = [{ include-group = "base" }]', 'base = ["eggs"]', name="pyproject.toml")

    assert pins(developer.source(groups=("prod",))) == ["eggs==2.0", "spam==1.1"]


def test_a_constraint_of_uvs_own_settings_counts_for_a_requirements_file(developer: Developer) -> None:
    assert pins(developer.source()) == ["spam==1.1"]
    developer.asks('constraint-dependencies = ["spam<1.1"]', name="uv.toml")
    assert pins(developer.source()) == ["spam==1.0"]


def test_a_source_of_a_project_that_only_a_lock_can_keep_is_said_to_be_the_obstacle(developer: Developer) -> None:
    developer.git("rm", "-q", "requirements.txt")
    lines = ("[project]", 'name = "a"', 'version = "1"', 'dependencies = ["spam>=1"]', "[tool.uv.sources]")
    developer.asks(*lines, 'spam = { url = "https://example.com/spam.whl" }', name="pyproject.toml")

    source = developer.source()

    assert "[tool.uv.sources] says where some come from" in source.warnings[0]
    assert source.dependencies.install[0][3] == "pyproject.toml"
