"""The migrations of a release are read from the git tree that is released."""

from __future__ import annotations

from tests.source.alembic_files import FILES
from tests.source.conftest import APPLICATION, Repo


def test_migrations_are_those_of_the_commit(repo: Repo) -> None:
    repo.commit({**APPLICATION, **FILES})
    first = repo.git("rev-parse", "HEAD")
    repo.commit({"migrations/versions/0003_c.py": '"""Third."""\nrevision = "0003"\n'})
    assert repo.read(app_ref=first).migrations == (("0001", "First."), ("0002", "Second."))
    assert repo.read().migrations == (("0001", "First."), ("0002", "Second."), ("0003", "Third."))


def test_an_application_without_alembic_has_none(repo: Repo) -> None:
    repo.commit(dict(APPLICATION))
    assert repo.read().migrations == ()
