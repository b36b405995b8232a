"""Requirements files: read as uv reads them, as far as a release depends on it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.errors import UsageError
from homeport.source.requirements import Local, Requirements, lines, normalized, read_requirements


def read(files: dict[str, str] | str) -> Requirements:
    given_files = {"requirements.txt": files} if isinstance(files, str) else files
    return read_requirements("requirements.txt", given_files.get)


def refusal(files: dict[str, str] | str) -> str:
    with pytest.raises(UsageError) as caught:
        read(files)
    return str(caught.value)


@pytest.mark.parametrize(("text", "action", "value", "name"), [
    ("fastapi[standard]==0.115.0", "requirement", "fastapi[standard]==0.115.0", "fastapi"),
    ("  a >= 0.1 ; python_version > '3'  # why", "requirement", "a >= 0.1 ; python_version > '3'", "a"),
    ("a @ https://example.com/a.whl", "requirement", "a @ https://example.com/a.whl", "a"),
    ("a @ git+https://example.com/a.git@main#subdirectory=x/y", "requirement",
     "a @ git+https://example.com/a.git@main#subdirectory=x/y", "a"),
    ("https://example.com/wheels/a.whl", "requirement", "https://example.com/wheels/a.whl", ""),
    ("-r base.txt", "include", "base.txt", ""),
    ("--requirement=base.txt", "include", "base.txt", ""),
    ('-r "my base.txt" # two', "include", "my base.txt", ""),
    ("-c limits.txt", "constraint", "limits.txt", ""),
    ("--constraint limits.txt", "constraint", "limits.txt", ""),
    ("-e .", "editable", ".", ""),
    ("--editable=./lib", "editable", "./lib", ""),
    ("-e git+https://example.com/x.git@v1#egg=x", "requirement", "x @ git+https://example.com/x.git@v1", "x"),
    (".", "local", ".", ""),
    ("./lib", "local", "./lib", ""),
    ("./lib[extra]", "local", "./lib[extra]", ""),
    ("libs/a", "local", "libs/a", ""),
    ("a.whl", "local", "a.whl", ""),
    ("wheels/a-1-py3-none-any.whl ; python_version > '3'", "local", "wheels/a-1-py3-none-any.whl", ""),
    ("file:./lib", "local", "file:./lib", ""),
    ("a @ ./lib", "local", "./lib", "a"),
    ("a[x] @ file:lib", "local", "file:lib", "a"),
    ("-f ./wheels", "links", "./wheels", ""),
    ("--find-links https://example.com/x", "option", "--find-links https://example.com/x", ""),
    ("--index-url https://example.com/simple", "option", "--index-url https://example.com/simple", ""),
    ("--pre", "option", "--pre", ""),
])  # fmt: skip
def test_a_line_is_read_for_what_it_does(text: str, action: str, value: str, name: str) -> None:
    (line,) = lines(text)
    assert (line.action, line.value, line.name) == (action, value, name)


def test_continued_lines_comments_and_empty_ones() -> None:
    text = "\ufeff# all\n\na==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n    # via b\r\nb==2\r\n"
    found = list(lines(text))
    assert [line.name for line in found] == ["a", "b"]
    assert [line.hashed for line in found] == [True, False]


names = st.from_regex(r"[A-Za-z]([A-Za-z0-9._-]{0,10}[A-Za-z0-9])?", fullmatch=True)
versions = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}", fullmatch=True)


@settings(max_examples=50)
@given(st.lists(st.tuples(names, versions, st.booleans(), st.sampled_from(["", "  # via x", " ; os_name == 'posix'"]))))
def test_every_pinned_name_is_found_however_it_is_written(pins: list[tuple[str, str, bool, str]]) -> None:
    hash_of = {True: " \\\n    --hash=sha256:abc", False: ""}
    text = "".join(f"{name}=={version}{hash_of[hashed] or tail}\n" for name, version, hashed, tail in pins)
    found = read(text)
    assert found.names == {normalized(name) for name, *_ in pins}
    assert found.hashed == any(hashed for _, _, hashed, _ in pins)
    assert not found.local


@given(st.text())
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    error = None
    try:
        read(text)
    except UsageError as raised:
        error = raised
    assert error is None or (error.fix and "\n" not in str(error))


def test_includes_are_followed_relative_to_the_file_that_names_them() -> None:
    files = {
        "requirements.txt": "-r sub/base.txt\n-c limits.txt\na\n",
        "sub/base.txt": "-r more.txt\nb\n",
        "sub/more.txt": "-r ../requirements.txt\nfastapi-cli==1 --hash=sha256:0\n",
        "limits.txt": "zlib==1\n",
        "unrelated.txt": "x\n",
    }
    found = read(files)
    assert set(found.contents) == set(files) - {"unrelated.txt"}
    assert found.names == {"a", "b", "fastapi-cli"}
    assert found.hashed


def test_the_files_of_find_links_are_relative_to_their_file_and_paths_to_the_application() -> None:
    found = read({"requirements.txt": "-r sub/a.txt\n", "sub/a.txt": "-f ./wheels\n./lib\n"})
    assert found.links == ["sub/wheels"]
    assert found.local == [Local("lib")]


@pytest.mark.parametrize(("text", "line"), [
    ("-r gone.txt", "app_source: requirements.txt includes gone.txt, which is not in the release; "
     "commit it or remove that line"),
    ("-c sub/gone.txt", "app_source: requirements.txt includes sub/gone.txt, which is not in the release; "
     "commit it or remove that line"),
    ("-r https://example.com/r.txt", "app_source: requirements.txt includes https://example.com/r.txt, which is not in "
     "the release; commit a copy and include that"),
    ("-r ../common.txt", "app_source: requirements.txt names ../common.txt, which is not below the application's "
     "folder and so not in the release; commit it below that folder, or take it from a package index"),
    ("/opt/wheels/a.whl", "app_source: requirements.txt names /opt/wheels/a.whl, which is not below the application's "
     "folder and so not in the release; commit it below that folder, or take it from a package index"),
    ("a @ file:///home/me/a", "app_source: requirements.txt names file:///home/me/a, which is not below the "
     "application's folder and so not in the release; commit it below that folder, or take it from a package index"),
    ("-e ../lib", "app_source: requirements.txt names ../lib, which is not below the application's folder and so not "
     "in the release; commit it below that folder, or take it from a package index"),
])  # fmt: skip
def test_what_is_not_in_the_release_is_refused(text: str, line: str) -> None:
    assert refusal(text) == line
