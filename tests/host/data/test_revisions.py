"""Which migrations count as run: by what the releases on the host know, and by the record of those that are gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from homeport.host.data import revisions
from homeport.host.data.migration_files import parse, version_folders
from homeport.host.system.layout import Layout
from homeport.host.system.output import HostError

INI = "[alembic]\nscript_location = migrations\n"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout("notes", tmp_path)
    layout.settings.mkdir(parents=True)
    return layout


def add(layout: Layout, release: str, **parents: str | tuple[str, ...] | None) -> None:
    """Put a release on the host, with a migration file for each keyword: its revision, and what is before it."""
    versions = layout.code_releases / release / "migrations/versions"
    versions.mkdir(parents=True)
    (versions.parents[1] / "alembic.ini").write_text(INI)
    for name, before in parents.items():
        (versions / f"{name}.py").write_text(f"revision: str = {name!r}\ndown_revision = {before!r}\n")


def check(layout: Layout, release: str, *databases: tuple[str, ...]) -> None:
    own = revisions.of_release(layout, release)
    assert own is not None
    revisions.check(own, databases, revisions.known(layout))


def test_an_older_commit_finds_all_of_its_migrations_in_a_database_that_is_ahead(layout: Layout) -> None:
    add(layout, "old", a=None, b="a")
    add(layout, "new", a=None, b="a", c="b", d="c")
    check(layout, "old", ("d",))


def test_the_other_branch_of_two_was_never_run(layout: Layout) -> None:
    add(layout, "ours", a=None, b="a")
    add(layout, "theirs", a=None, c="a")
    with pytest.raises(
        HostError, match=r"the database is at b, and c of this release was never run on it\. Two branches"
    ):
        check(layout, "theirs", ("b",))


def test_two_branches_count_once_they_are_joined(layout: Layout) -> None:
    add(layout, "ours", a=None, b="a")
    add(layout, "both", a=None, b="a", c="a", d=("b", "c"))
    check(layout, "ours", ("d",))
    check(layout, "ours", ("b", "c"))


def test_a_squash_was_never_run_and_neither_were_those_before_it_once_it_was(layout: Layout) -> None:
    add(layout, "before", a=None, b="a")
    add(layout, "squash", s=None)
    with pytest.raises(HostError, match=r"s of this release was never run.*alembic stamp --purge head"):
        check(layout, "squash", ("b",))
    with pytest.raises(HostError, match="the database is at s, and a, b of this release was never run"):
        check(layout, "before", ("s",))


def test_each_of_several_version_tables_must_have_all_revisions(layout: Layout) -> None:
    add(layout, "old", a=None, b="a")
    add(layout, "new", a=None, b="a", c="b")
    check(layout, "old", ("c",), ("c",))
    for behind in (("a",), ()):
        with pytest.raises(HostError, match="b of this release was never run"):
            check(layout, "old", ("c",), behind)


def test_an_unknown_revision_proves_nothing(layout: Layout) -> None:
    add(layout, "old", a=None)
    with pytest.raises(
        HostError, match=r"nobody can tell whether a of this release.* since no release on this host has z"
    ):
        check(layout, "old", ("z",))
    with pytest.raises(HostError, match="Alembic did not say"):
        check(layout, "old")


def test_a_release_that_is_removed_is_remembered(layout: Layout) -> None:
    add(layout, "new", a=None, b="a", c="b")
    add(layout, "old", a=None)
    revisions.record(layout)
    shutil.rmtree(layout.code_releases / "new")
    check(layout, "old", ("c",))
    add(layout, "newer", a=None, b="a", c="b", d="c")
    revisions.record(layout)
    shutil.rmtree(layout.code_releases / "newer")
    check(layout, "old", ("d",))


def test_a_record_that_is_damaged_or_not_there_yet_is_made_of_what_is_here(layout: Layout) -> None:
    add(layout, "new", a=None, b="a")
    add(layout, "old", a=None)
    for damage in ("", "[]", '{"parents": []}'):
        layout.revisions.write_text(damage)
        check(layout, "old", ("b",))
        revisions.record(layout)
        assert '"releases"' in layout.revisions.read_text()


def test_two_releases_that_disagree_count_only_where_they_agree(layout: Layout) -> None:
    add(layout, "ours", a=None, x="a", c="x")
    add(layout, "theirs", a=None, c="a")
    with pytest.raises(HostError, match="x of this release was never run"):
        check(layout, "ours", ("c",))


def test_a_label_that_a_migration_depends_on_is_the_revision_that_has_it(layout: Layout) -> None:
    add(layout, "new", net=None, s=None)
    versions = layout.code_releases / "new/migrations/versions"
    (versions / "net.py").write_text("revision = 'net'\ndown_revision = None\nbranch_labels = ('network',)\n")
    (versions / "s.py").write_text("revision = 's'\ndown_revision = None\ndepends_on = 'network'\n")
    add(layout, "old", net=None)
    check(layout, "old", ("s",))


def test_only_names_of_others_that_begin_one_of_a_release_are_noted(layout: Layout) -> None:
    noted = layout.settings / "mistaken"
    add(layout, "theirs", a=None, e3="a", x="e3")
    add(layout, "ours", a=None, e3bc="a")
    revisions.note_mistaken(layout, "ours", noted)
    assert noted.read_text() == "e3\n"
    add(layout, "both", a=None, e3="a", e3bc="e3")
    revisions.note_mistaken(layout, "both", noted)
    assert not noted.exists()
    revisions.record(layout)
    shutil.rmtree(layout.code_releases / "theirs")
    revisions.note_mistaken(layout, "ours", noted)
    assert noted.read_text() == "e3\n"


def test_a_layout_that_is_not_understood_tells_nothing(layout: Layout) -> None:
    add(layout, "odd", a=None)
    (layout.code_releases / "odd/migrations/versions/b.py").write_text("revision = make()\n")
    assert revisions.of_release(layout, "odd") is None
    assert revisions.of_release(layout, "not there") is None
    revisions.record(layout)
    assert revisions.known(layout) == {}
    assert version_folders(f"{INI}recursive_version_locations = true\n") is None


@pytest.mark.parametrize(
    ("lines", "parents"),
    [
        ("down_revision = None", set()),
        ("down_revision = 'a'\ndepends_on = 'x'", {"a", "x"}),
        ("from typing import Union\ndown_revision: Union[str, None] = ('a', 'b')\ndepends_on = None", {"a", "b"}),
        ("down_revision = LATEST", None),
    ],
)
def test_the_parents_of_a_migration_are_those_that_it_names(lines: str, parents: set[str] | None) -> None:
    found = parse("c.py", f"revision = 'c'\n{lines}\n")
    assert (None if found is None else set(found.parents)) == parents
