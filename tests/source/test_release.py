"""`read_source` as a whole: monorepos, alembic, one reading per process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from homeport.settings.model import Settings
from homeport.source import Source, read_source
from homeport.source.git import Repository, find_repository
from homeport.source.release import forget_sources

from .conftest import APPLICATION, Repo


def settings(repo: Repo, **values: object) -> Settings:
    return Settings.model_validate(
        {"app_name": "notes", "domain": "a.example.com", "app_source": str(repo.path), **values}
    )


def test_alembic_counts_only_at_the_applications_root(repo: Repo) -> None:
    repo.commit({"sub/alembic.ini": ""})
    assert not repo.read().has_alembic
    repo.commit({"alembic.ini": ""})
    assert repo.read().has_alembic


def test_only_the_applications_folder_decides_about_the_tree(new_repo: Callable[[str], Repo]) -> None:
    repo = new_repo("mono")
    repo.commit({f"api/{name}": content for name, content in APPLICATION.items()})
    before = repo.read(app_subdirectory="api")
    repo.commit({"web/index.html": "<p>"})
    after = repo.read(app_subdirectory="api")
    assert after.commit != before.commit
    assert after.tree == before.tree
    assert after.dependencies == before.dependencies


def test_twenty_hosts_read_the_repository_once(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(source: str, project: Path) -> Repository:
        calls.append(source)
        return find_repository(source, project)

    monkeypatch.setattr("homeport.source.release.find_repository", counted)
    # Where pyinfra was imported after the module, threads are greenlets by now, and the lock is not theirs.
    monkeypatch.setattr("homeport.source.release._LOCK", threading.RLock())
    forget_sources()
    found: list[Source] = []

    def host() -> None:
        source = read_source(settings(repo, workers=len(found) + 1), repo.path.parent)
        source.archive()
        found.append(source)

    threads = [threading.Thread(target=host) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [str(repo.path)]
    assert len({id(source) for source in found}) == 1
    assert len({id(source.archive()) for source in found}) == 1


def test_a_run_keeps_what_it_has_read_while_the_working_tree_changes(repo: Repo) -> None:
    forget_sources()
    first = read_source(settings(repo), repo.path)
    repo.commit({"main.py": "app = 2\n"})
    assert read_source(settings(repo), repo.path) is first
    assert read_source(settings(repo, app_ref="main"), repo.path).commit != first.commit
    forget_sources()
    assert read_source(settings(repo), repo.path).commit != first.commit


def test_no_dependencies(new_repo: Callable[[str], Repo]) -> None:
    repo = new_repo("bare")
    repo.commit({"api/main.py": ""})
    assert repo.refusal() == (
        f"app_source: no uv.lock, requirements.txt, pyproject.toml or setup.py at HEAD in {repo.path}; commit one "
        "(uv init --bare && uv add 'fastapi[standard]'), set requirements_file to a file of another name, or "
        "app_subdirectory to where it is"
    )
    assert "setup.py in api at HEAD" in repo.refusal(app_subdirectory="api")


def test_no_entry_point(repo: Repo) -> None:
    repo.git("tag", "v1")
    assert repo.refusal(app_entrypoint="service/main.py", app_ref="v1") == (
        "app_entrypoint: no service/main.py at v1; set app_entrypoint to the file, package or module:app that has the "
        "FastAPI application (there is main.py)"
    )


def test_the_entry_point_must_be_in_the_release_and_not_only_in_git(repo: Repo) -> None:
    repo.commit({".gitattributes": "main.py export-ignore\n"})
    assert repo.refusal().startswith("app_entrypoint: no main.py at HEAD")


def test_a_requirements_file_that_is_no_text(repo: Repo) -> None:
    repo.commit({"requirements.txt": "fastapi\n".encode("utf-16")})
    assert repo.refusal() == "app_source: requirements.txt is not UTF-8 text; save it as UTF-8 and commit"


def test_an_include_is_read_from_the_release_and_not_from_the_disk(repo: Repo) -> None:
    repo.commit({"requirements.txt": "-r base.txt\n", "base.txt": "fastapi\n", ".gitignore": "more.txt\n"})
    assert repo.read().dependencies.kind == "requirements"
    repo.write({"more.txt": "x\n"})
    repo.commit({"base.txt": "-r more.txt\n"})
    assert repo.refusal() == (
        "app_source: base.txt includes more.txt, which is not in the release; commit it or remove that line"
    )
