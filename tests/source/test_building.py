"""Files that a release has and git has not: what build commands make of a commit, and what lies in the working tree."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from homeport.errors import UsageError
from homeport.settings.model import Settings
from homeport.source import Source
from homeport.source.building import built, forget_builds

from .conftest import APPLICATION, Repo

# A build that says what it was made from, and counts how often it ran.
BUILD = (
    "mkdir -p web/dist/assets && cat web/src.js >web/dist/assets/app.js && cp README web/dist/ && "
    "printf x >>$COUNT && printf '\\377\\000' >web/dist/logo && chmod +x web/dist/logo"
)
FILES = {**APPLICATION, "web/src.js": "one", "README": "r", ".gitignore": "dist/\n"}


class Builder:
    """A repository with a frontend, and how its settings have it built."""

    def __init__(self, repo: Repo, count: Path) -> None:
        self.repo, self.count = repo, count

    def source(self, **settings: object) -> Source:
        forget_builds()
        given = {"build_commands": [BUILD], "release_include": ["web/dist"], **settings}
        read = self.repo.read(**given)
        values = {"app_name": "notes", "domain": "notes.example.com", **given}
        return built(read, Settings.model_validate(values))

    def refusal(self, **settings: object) -> str:
        with pytest.raises(UsageError) as caught:
            self.source(**settings)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def times(self) -> int:
        return len(self.count.read_text()) if self.count.exists() else 0


@pytest.fixture
def builder(new_repo: Callable[[str], Repo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COUNT", str(tmp_path / "count"))
    repo = new_repo("app")
    repo.commit(dict(FILES))
    return Builder(repo, tmp_path / "count")


def unpacked(source: Source) -> dict[str, tuple[bytes, int]]:
    with tarfile.open(fileobj=io.BytesIO(source.archive().data)) as archive:
        files = [one for one in archive.getmembers() if one.isreg()]
        return {one.name: (archive.extractfile(one).read(), one.mode) for one in files}  # type: ignore[union-attr]


def test_what_a_build_makes_is_in_the_release_byte_for_byte(builder: Builder) -> None:
    found = unpacked(builder.source())
    assert found["web/dist/assets/app.js"] == (b"one", 0o644)
    assert found["web/dist/logo"] == (b"\xff\x00", 0o755)
    assert found["main.py"]
    assert not (builder.repo.path / "web" / "dist").exists()


def test_the_same_commit_is_built_once_and_another_one_anew(builder: Builder) -> None:
    first = builder.source()
    again = builder.source()
    assert (again.tree, builder.times()) == (first.tree, 1)
    builder.repo.commit({"web/src.js": "two"})
    other = builder.source()
    assert builder.times() == 2
    assert other.tree != first.tree
    assert unpacked(other)["web/dist/assets/app.js"][0] == b"two"
    assert unpacked(builder.source(app_ref="HEAD~1"))["web/dist/assets/app.js"][0] == b"one"
    assert builder.times() == 2


def test_what_was_built_counts_for_the_release_and_not_how_it_was_built(builder: Builder) -> None:
    first = builder.source()
    same = builder.source(build_commands=[f"true && {BUILD}"])
    other = builder.source(build_commands=[f"{BUILD} && echo more >web/dist/more"])
    assert same.tree == first.tree
    assert other.tree != first.tree


def test_the_ref_is_built_and_not_the_working_tree(builder: Builder) -> None:
    builder.repo.write({"web/src.js": "changed", "web/dist/stale.js": "stale"})
    found = unpacked(builder.source(app_ref=builder.repo.git("rev-parse", "HEAD")))
    assert found["web/dist/assets/app.js"][0] == b"one"
    assert "web/dist/stale.js" not in found
    assert unpacked(builder.source(allow_dirty=True))["web/dist/assets/app.js"][0] == b"changed"


def test_an_application_below_the_root_builds_in_its_folder_and_sees_the_whole_repository(builder: Builder) -> None:
    builder.repo.commit({f"api/{name}": text for name, text in APPLICATION.items()})
    build = "mkdir out && cat ../web/src.js >out/a && echo $HOMEPORT_COMMIT >>out/a"
    found = unpacked(builder.source(app_subdirectory="api", build_commands=[build], release_include=["out/*"]))
    assert found["out/a"][0] == f"one{builder.repo.git('rev-parse', 'HEAD')}\n".encode()


def test_a_file_that_git_has_too_is_the_builds(builder: Builder) -> None:
    found = unpacked(builder.source(build_commands=["echo built >README"], release_include=["README"]))
    assert found["README"][0] == b"built\n"


def test_what_the_host_has_is_not_sent_again(builder: Builder) -> None:
    source = builder.source()
    assert source.content
    [logo] = [one for one in source.content.built if one.path == "web/dist/logo"]
    archive = source.archive(frozenset({(logo.path, logo.digest, True)}))
    assert archive.same == ("web/dist/logo",)
    with tarfile.open(fileobj=io.BytesIO(archive.data)) as opened:
        assert "web/dist/logo" not in opened.getnames()
        assert "web/dist/assets/app.js" in opened.getnames()


def test_a_build_that_fails_is_one_line_and_leaves_nothing(builder: Builder) -> None:
    line = builder.refusal(build_commands=["echo compiling; echo 'no such module' >&2; exit 3"])
    assert line == (
        "build_commands: \"echo compiling; echo 'no such module' >&2; exit 3\" failed with status 3: no such module; "
        "run it in a fresh clone of that commit (files that git ignores are not there), and mend it"
    )
    assert builder.refusal(release_include=["web/gone"]) == (
        "release_include: there is no file at web/gone after build_commands; "
        "name a file, a folder or a pattern below the application's folder"
    )
    assert unpacked(builder.source())["web/dist/assets/app.js"]


def test_without_commands_the_files_of_the_working_tree_are_taken(builder: Builder) -> None:
    builder.repo.write({"web/dist/a.js": "here"})
    first = builder.source(build_commands=[])
    assert unpacked(first)["web/dist/a.js"][0] == b"here"
    builder.repo.write({"web/dist/a.js": "there"})
    assert builder.source(build_commands=[]).tree != first.tree
    builder.repo.commit({"web/src.js": "two"})
    head = builder.repo.git("rev-parse", "HEAD~1")[:12]
    assert builder.refusal(build_commands=[], app_ref="HEAD~1").startswith(
        f"release_include: the working tree in {builder.repo.path} is not at {head}, which is released; "
    )


def test_nothing_outside_of_the_application_is_taken(builder: Builder, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key")
    build = f"mkdir out && ln -s {secret} out/link && ln -s ../README out/inside"
    found = unpacked(builder.source(build_commands=[build], release_include=["out"]))
    assert "out/link" not in found
    assert found["out/inside"][0] == b"r"
    for one in ("../x", "/etc/passwd", ""):
        with pytest.raises(ValueError, match="is not a path below the application's folder"):
            Settings.model_validate({"app_name": "a1", "domain": "a.example.com", "release_include": [one]})
    with pytest.raises(ValueError, match="release_include must name the files that build_commands make"):
        Settings.model_validate({"app_name": "a1", "domain": "a.example.com", "build_commands": ["true"]})


def test_without_either_nothing_is_read_or_changed(repo: Repo) -> None:
    source = repo.read()
    assert built(source, Settings.model_validate({"app_name": "notes", "domain": "notes.example.com"})) is source
