"""Files that a release has and git has not: what build commands make of a commit, and what lies in the working tree."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from homeport.errors import UsageError
from homeport.settings.model import Settings
from homeport.source import Source
from homeport.source.building import built, forget_builds
from homeport.source.served_files import check_served

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
        named = {"build_environment": ["COUNT"]}
        given = {"build_commands": [BUILD], "release_include": ["web/dist"], **named, **settings}
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


def test_a_folder_that_only_the_build_makes_may_be_served(builder: Builder) -> None:
    source = builder.source()
    assert {"web/src.js", "web/dist/assets/app.js"} <= source.paths()
    settings = {"app_name": "notes", "domain": "notes.example.com", "static": {"/web": "web/dist"}}
    check_served(source, Settings.model_validate(settings))
    with pytest.raises(UsageError, match="has no folder web/dist"):
        check_served(builder.repo.read(), Settings.model_validate(settings))


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
        "run it in a fresh clone of that commit without .git (files that git ignores are not there either), and "
        "correct it; a variable of yours that it needs belongs into build_environment"
    )
    assert builder.refusal(release_include=["web/gone"]) == (
        "release_include: there is no file at web/gone after build_commands; "
        "name a file, a folder or a pattern below the application's folder"
    )
    assert unpacked(builder.source())["web/dist/assets/app.js"]


def test_a_build_sees_no_secret_of_whoever_deploys_and_what_it_needs_of_the_machine(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = ("API_TOKEN", "HOMEPORT_AGE_KEY", "HOMEPORT_AGE_KEY_FILE", "GIT_DIR_OF_A_HOOK", "AWS_SECRET_ACCESS_KEY")
    shown = ("https_proxy", "SSL_CERT_FILE", "LC_TIME", "CI", "NPM_TOKEN")
    for name in (*hidden, *shown):
        monkeypatch.setenv(name, f"value-of-{name}")
    settings = {"secrets_from_environment": ["API_TOKEN"], "build_environment": ["NPM_TOKEN"]}
    source = builder.source(build_commands=["mkdir -p web/dist && env >web/dist/env"], **settings)
    seen = dict(line.split("=", 1) for line in unpacked(source)["web/dist/env"][0].decode().splitlines())
    assert [name for name in hidden if name in seen] == []
    assert [seen.get(name) for name in shown] == [f"value-of-{name}" for name in shown]
    assert seen["HOMEPORT_COMMIT"] == source.commit
    assert {"PATH", "HOME"} <= set(seen)


def test_a_variable_that_only_a_build_gets_is_in_no_message(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NPM_TOKEN", "s3ntinel")
    line = builder.refusal(build_commands=["echo no $NPM_TOKEN; false"], build_environment=["NPM_TOKEN"])
    assert "failed with status 1: no ****; " in line
    assert "s3ntinel" not in line


def test_a_variable_that_a_build_is_to_get_and_that_is_not_there_is_named(builder: Builder) -> None:
    assert builder.refusal(build_environment=["NPM_TOKEN"]) == (
        "build_environment: NPM_TOKEN is not set in the environment of this command; set it, or leave it out"
    )


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
    for one, said in (
        (".", "whole folder"),
        ("./", "whole folder"),
        ("**a", r"has \*\* together"),
        ("a/.git", "names .git"),
    ):
        with pytest.raises(ValueError, match=said):
            Settings.model_validate({"app_name": "a1", "domain": "a.example.com", "release_include": [one]})
    with pytest.raises(ValueError, match="release_include must name the files that build_commands make"):
        Settings.model_validate({"app_name": "a1", "domain": "a.example.com", "build_commands": ["true"]})


def test_gits_own_files_are_in_no_release(builder: Builder) -> None:
    builder.repo.write({"web/dist/.git/config": "url", "web/dist/.gitkeep": ""})
    for include in (["*"], ["**"], ["web/dist"]):
        found = unpacked(builder.source(build_commands=[], release_include=include))
        assert "web/dist/.gitkeep" in found
        assert not [path for path in found if ".git" in path.split("/")]


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_commands_run_in_what_a_checkout_has_also_where_releases_do_not(
    new_repo: Callable[[str], Repo], builder: Builder, tmp_path: Path, object_format: str
) -> None:
    repo = new_repo("other")
    shutil.rmtree(repo.path / ".git")
    repo.git("init", "--quiet", "--initial-branch=main", f"--object-format={object_format}")
    links = repo.path / "docs"
    links.mkdir()
    (links / "absolute").symlink_to("/etc/hostname")
    (links / "up").symlink_to("../../elsewhere")
    attributes = "docs export-ignore\nweb export-ignore\n*.ps1 text eol=crlf\n"
    repo.write({**FILES, ".gitattributes": attributes, "a.ps1": "one\n", "run": "#!/bin/sh\n"})
    (repo.path / "run").chmod(0o755)
    repo.commit()
    build = (
        "mkdir out && cp web/src.js a.ps1 out/ && readlink docs/absolute docs/up >out/links && test -x run && "
        "test ! -e .git && ls -A .. >out/around"
    )
    settings = {"build_commands": [build], "release_include": ["out"]}
    other = Builder(repo, tmp_path / "count")
    expected = {"out/src.js": b"one", "out/a.ps1": b"one\r\n", "out/links": b"/etc/hostname\n../../elsewhere\n"}
    found = unpacked(other.source(**settings))
    assert {path: found[path][0] for path in expected} == expected
    assert not [path for path in found if path.startswith(("web/", "docs/"))]
    assert repo.git("status", "--porcelain") == ""
    for more in (("clone", "--quiet", "--bare"), ("worktree", "add", "--quiet", "--detach")):
        place = tmp_path / more[0]
        source = [str(repo.path)] if more[0] == "clone" else []
        repo.git(*more, *source, str(place))
        again = {**settings, "build_commands": [f"{build} && true {more[0]}"]}
        found = unpacked(other.source(**again, app_source=str(place)))
        assert {path: found[path][0] for path in expected} == expected


def test_a_copy_that_cannot_be_made_is_one_line(builder: Builder) -> None:
    builder.repo.commit({f"api/{name}": text for name, text in APPLICATION.items()})
    blob = builder.repo.git("rev-parse", "HEAD:web/src.js")
    (builder.repo.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    line = builder.refusal(app_subdirectory="api")
    assert line.startswith("app_source: git cannot check the commit out: ")
    assert line.endswith("; see git fsck there")


def test_what_another_process_made_meanwhile_is_taken_and_what_one_left_is_not(builder: Builder) -> None:
    first = builder.source()
    assert first.content
    kept = first.content.built[0].file.parents[2]
    left = kept.with_name(f".{kept.name}.left")
    (left / "web/dist").mkdir(parents=True)
    (left / "web/dist/stale").write_text("stale")
    shutil.rmtree(kept)
    # The build itself makes the folder, as another process would that is quicker.
    meanwhile = f"mkdir -p {kept}/web/dist && echo theirs >{kept}/web/dist/theirs"
    found = unpacked(builder.source(build_commands=[BUILD, meanwhile]))
    assert "web/dist/stale" not in found
    assert builder.source().tree != first.tree
    assert [one.name for one in kept.parent.iterdir() if one.name.startswith(".")] == [left.name]


def test_a_file_that_changes_while_it_is_released_is_refused(builder: Builder) -> None:
    builder.repo.write({"web/dist/a.js": "here"})
    source = builder.source(build_commands=[])
    for change in (
        lambda: builder.repo.write({"web/dist/a.js": "there"}),
        lambda: shutil.rmtree(builder.repo.path / "web"),
    ):
        change()
        with pytest.raises(UsageError) as caught:
            source.archive()
        assert (
            str(caught.value) == "release_include: web/dist/a.js has changed while it was read; run the command again"
        )


def test_without_either_nothing_is_read_or_changed(repo: Repo) -> None:
    source = repo.read()
    assert built(source, Settings.model_validate({"app_name": "notes", "domain": "notes.example.com"})) is source
