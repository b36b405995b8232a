"""What is left open by an application's files, and what is made of uv's words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeport.source.dependency_options import DependencyOptions
from homeport.source.open_versions import (
    OpenVersions,
    all_are_hashed,
    failure,
    open_in_project,
    open_in_requirements,
    resolved_lines,
)
from homeport.source.python_version import floors
from homeport.source.requirements import read_requirements


def left(text: str, **more: str) -> OpenVersions | None:
    files = {"requirements.txt": text, **{name.replace("_", "."): one for name, one in more.items()}}
    found = read_requirements("requirements.txt", files.get)
    return open_in_requirements("requirements.txt", found, built=bool(found.local))


def test_the_guides_own_file_leaves_both_open() -> None:
    found = left("fastapi[standard]>=0.113.0,<0.114.0\npydantic>=2.7.0,<3.0.0\n")
    assert found
    assert found.names == ("fastapi", "pydantic")


@pytest.mark.parametrize(
    "text", ["spam==1.0\n", "spam===1.0 ; python_version > '3'\n", "", "spam==1 --hash=sha256:0\n"]
)
def test_a_pinned_file_leaves_no_version_open(text: str) -> None:
    assert left(text) is None


@pytest.mark.parametrize("line", ["spam", "spam==1.*", "spam~=1.0", "spam>=1,<2", "spam @ https://example.com/a.whl"])
def test_a_requirement_without_a_single_version_is_open(line: str) -> None:
    found = left(f"eggs==1\n{line}\n")
    assert found
    assert found.names == ("spam",)


def test_lines_about_indexes_come_along_with_what_they_name() -> None:
    found = left("--index-url https://${USER}@example.com/simple\n-r b.txt\n", b_txt="spam\n--pre\n")
    assert found
    assert resolved_lines(found, "# a comment\nspam==1.0 \\\n    --hash=sha256:0\n") == (
        "--index-url https://${USER}@example.com/simple\n--pre\nspam==1.0 \\\n    --hash=sha256:0\n"
    )


def test_files_of_the_application_cannot_be_resolved_for_others() -> None:
    for line in ("./vendor/spam.whl", "--find-links wheels"):
        found = left(f"eggs\n{line}\n")
        assert found
        assert found.obstacle == "it names files of the application"


def test_it_is_known_by_what_is_asked_for_and_by_nothing_else() -> None:
    one, same, other = left("spam\n"), left("spam\n"), left("spam<2\n")
    assert one and same and other  # noqa: PT018 - for the type checker
    assert one.key == same.key != other.key
    project = {"name": "a", "version": "1", "dependencies": ["spam"]}
    made = open_in_project(project, {}, {}, DependencyOptions())
    assert made.key == open_in_project({**project, "version": "2"}, {}, {}, DependencyOptions()).key
    assert made.key != open_in_project(project, {}, {}, DependencyOptions(extras=("x",))).key
    assert made.key != open_in_project(project, {"prerelease": "allow"}, {}, DependencyOptions()).key


def grouped(wishes: DependencyOptions, **groups: list[str | dict[str, str]]) -> OpenVersions:
    return open_in_project({"dependencies": ["spam"]}, {}, groups, wishes)


def test_a_dependency_group_that_is_asked_for_counts_with_the_groups_that_it_includes() -> None:
    asked = DependencyOptions(groups=("Prod",))
    before = grouped(asked, prod=["eggs", {"include-group": "base_"}], base_=["ham"], dev=["x"])
    assert before.names == ("eggs", "ham", "spam")
    for prod, base in ((["eggs", "bacon", {"include-group": "base_"}], ["ham"]), (["eggs"], ["ham"])):
        assert grouped(asked, prod=[*prod], base_=[*base], dev=["x"]).key != before.key
    same: list[str | dict[str, str]] = ["eggs", {"include-group": "base_"}]
    assert grouped(asked, prod=same, base_=["ham<2"], dev=["x"]).key != before.key
    # One that nobody asks for changes nothing, and one that includes itself ends.
    assert grouped(asked, prod=same, base_=["ham"], dev=["y"]).key == before.key
    assert grouped(DependencyOptions(), prod=same).key == grouped(DependencyOptions()).key
    assert grouped(asked, prod=[{"include-group": "prod"}]).names == ("spam",)


def test_what_uv_reads_beside_the_file_counts_and_leaves_no_trace_where_it_is_not() -> None:
    found = left("spam\n")
    assert found
    plain, limited = found.under(("3.11",), "", {}), {"constraint-dependencies": ["spam<2"]}
    assert plain.key == replace(found, floors=("3.11",)).key
    keys = {plain.key, found.under(("3.11",), "", limited).key, found.under(("3.11",), "exclude-newer = 1", {}).key}
    assert len(keys) == 3
    made = open_in_project({"dependencies": ["spam"]}, limited, {}, DependencyOptions())
    assert made.under((), "", limited).key == made.key != made.under((), "exclude-newer = 1", limited).key


def test_a_project_names_what_it_does_not_pin() -> None:
    assert open_in_project({"dependencies": ["Spam_x>=1", "eggs==1"]}, {}, {}, DependencyOptions()).names == ("spam-x",)
    # What these need themselves is open all the same.
    assert open_in_project({"dependencies": ["eggs==1"]}, {}, {}, DependencyOptions()).names == ("eggs",)


def test_hashes_are_asked_for_only_where_all_have_some() -> None:
    assert all_are_hashed("--index-url https://example.com\na==1 \\\n    --hash=sha256:0\nb==1 --hash=sha256:0\n")
    assert not all_are_hashed("a==1 --hash=sha256:0\nb @ git+https://example.com/b@0\n")
    assert not all_are_hashed("")


def test_why_it_failed_is_one_line_without_what_is_secret() -> None:
    said = "\x1b[31merror\x1b[39m: Failed to fetch `https://us:pass@example.com/simple/spam/`\n  Caused by: token abc\n"
    assert failure(said, {"TOKEN": "abc", "EMPTY": ""}) == (
        "Failed to fetch `https://****@example.com/simple/spam/` Caused by: token ****"
    )
    assert len(failure("x" * 1000, {})) == 200


@pytest.mark.parametrize(
    ("required", "asked", "found"),
    [
        ("", None, ("3.11", "3.13")),
        ("", "3.12", ("3.12",)),
        (">=3.12", None, ("3.12", "3.13")),
        (">=3.13", None, ("3.13",)),
        (">=3.14", None, ("3.14",)),
    ],
)
def test_versions_are_looked_for_from_the_oldest_python_of_a_system_on(
    required: str, asked: str | None, found: tuple[str, ...]
) -> None:
    assert floors(required, asked) == found
