"""What gets into the folder that an image is built from: git is asked what is committed and what is ignored."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.exports.dockerignore import Ignored, written
from homeport.exports.gitignore import attribute_rules, rules
from homeport.exports.ignored import Folder, below, ignored_lines
from homeport.exports.left_out import left_out, unknown_files, warnings
from homeport.source.git import Repository
from homeport.source.tree import find_tree
from tests.cli.test_check import IDENTITY
from tests.state.builders import make_settings


def lines_of(text: str, *, where: str = "", application: str = "") -> list[str]:
    """Return the lines for a .gitignore with this text in the folder `where`."""
    return list(dict.fromkeys(line for rule in rules(text, where) for line in rule.below(application)))


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        (".state/", "**/.state"),
        ("*.py[cod]", "**/*.py[cod]"),
        ("/build", "build"),
        ("a/b/", "a/b"),
        ("**/x/y", "**/x/y"),
        ("a/**", "a/**"),
        ("a/**/b", "a/**/b"),
        ("/a**b", "a*b"),
        (r"/\#x", "[#]x"),
        (r"/\!x", "?x"),
        ("/a+(b).{c}|$", "a[+][(]b[)].[{]c[}][|][$]"),
        ("/x[!a].txt", "x?.txt"),
        ("/x[[:alpha:]]y", "x?y"),
        ("/x[", "x?"),
        ("/ a b ", "?a b"),
        ("/a\\ ", "a?"),
        ("x\r", "**/x"),
        ("\ufeff/x", "x"),
    ],
)
def test_a_pattern_means_the_same_places_or_more(line: str, pattern: str) -> None:
    assert lines_of(f"{line}\n# comment\n\n/\n") == [pattern]


@pytest.mark.parametrize(
    ("where", "line", "patterns"),
    [
        ("", "/build", []),
        ("", "*.db", ["**/*.db"]),
        ("", "services/*/local", ["local"]),
        ("", "/services/api/a/*.key", ["a/*.key"]),
        ("", "**/secrets/*", ["**/secrets/*"]),
        ("", "services/**", ["**"]),
        ("", "services/**/x", ["**/x"]),
        ("services", "/api/x", ["x"]),
        ("services", "/other/x", []),
        ("services/api", "/x", ["x"]),
        ("services/api/in ner", "/x", ["in ner/x"]),
        ("services/api/inner", "x", ["inner/**/x"]),
    ],
)
def test_a_list_above_or_below_the_folder_is_seen_from_there(where: str, line: str, patterns: list[str]) -> None:
    assert sorted(lines_of(line, where=where, application="services/api")) == patterns


def test_what_is_not_released_is_not_built() -> None:
    text = "# x\ntests/ export-ignore\n*.txt text\nnotes.md -export-ignore\n"
    assert [line for rule in attribute_rules(text, "") for line in rule.below("")] == ["**/tests"]


def test_places_in_the_folder_are_seen_from_there() -> None:
    assert list(below(["/a/b/deploy", "/a/b", "/a/bc", "/a/b/../b/x/s.env"], "/a/b")) == ["deploy", "x/s.env"]


@pytest.mark.parametrize(
    ("lines", "kept_out", "kept"),
    [
        (["**/*.key"], ["a.key", "a/b.key"], ["a.keys", "key"]),
        (["a"], ["a", "a/b/c"], ["b/a", "ab"]),
        (["**/a"], ["a", "x/a", "x/a/b"], ["xa"]),
        (["*", "!a"], ["b", "b/a"], ["a", "a/b"]),
        (["a", "!a/b", "a/b/*.key"], ["a/c", "a/b/x.key"], ["a/b/x"]),
        (["a/**"], ["a/b", "a/b/c"], ["a"]),
        (["a/**/b"], ["a/b", "a/x/y/b/z"], ["a/xb"]),
        (["x?[ab]"], ["x1a"], ["xa", "x/a"]),
        (["# a", "", "a[+]b", "/c/"], ["a+b", "c/d"], ["aab", "# a"]),
        (["**"], ["a", "a/b"], []),
    ],
)
def test_the_last_line_that_matches_a_path_or_its_folder_decides(
    lines: list[str], kept_out: list[str], kept: list[str]
) -> None:
    known = Ignored(lines)
    assert [path for path in kept_out + kept if path in known] == kept_out


@pytest.mark.parametrize("name", ["a b", "x+y(z)", "[a]", "#a", "!a", " a ", "ä", "a*b", "a\\b", "a\nb", "$a{b}", "a]"])
def test_a_name_is_written_so_that_it_means_itself(name: str) -> None:
    line = written(name)
    assert name in Ignored([line])
    assert "\\" not in line
    assert "\n" not in line
    assert "abc" not in Ignored([line])


# What is in git of each repository, what git ignores there, and its lists.
Files = dict[str, str]
SHAPES: dict[str, tuple[str, Files, list[str]]] = {
    "nested lists": (
        "",
        {".gitignore": "*.log\n", "a/.gitignore": "/local.json\ncache/\n", "a/b/.gitignore": "*\n!.gitignore\n"},
        ["x.log", "a/local.json", "a/c/cache/x", "a/b/token", "a/b/c/token"],
    ),
    "between the root and the folder": (
        "services/api",
        {
            ".gitignore": "/services/api/private/\nservices/*/dump.sql\n*.sqlite\n",
            "services/.gitignore": "/api/local.env\n/other/main.py\n",
            "services/api/.gitignore": "/build\n",
        },
        ["private/key", "dump.sql", "a/x.sqlite", "local.env", "build/x"],
    ),
    "all but some": (
        "",
        {".gitignore": "*\n!*/\n!*.py\n!.gitignore\n", "a/b.py": "", "c.py": ""},
        ["key", "a/key", "a/b/c/key"],
    ),
    "all but some folders": (
        "",
        {".gitignore": "*.secret\n/*\n!/src/\n!.gitignore\n", "src/x.py": "", "src/deep/y.py": ""},
        ["key", "src/x.secret", "src/deep/y.secret", "other/x.py"],
    ),
    "a folder that is taken back": (
        "",
        {".gitignore": "lib/\n*.pem\n!web/src/lib/\n", "web/src/lib/x.py": "", "web/src/lib/in/y.py": ""},
        ["lib/x", "a/lib/x", "web/src/lib/x.pem", "web/src/lib/in/lib/x", "web/lib/x"],
    ),
    "a folder cannot be taken back in one that is ignored": (
        "",
        {".gitignore": "secret/\n!secret/open.txt\n!*.txt\n", "a.txt": ""},
        ["secret/open.txt", "secret/key", "a/secret/x.txt"],
    ),
    "not released": (
        "",
        {
            ".gitattributes": "tests export-ignore\n.gitignore export-ignore\n",
            ".gitignore": "*.key2\n",
            "tests/t.py": "",
        },
        ["a.key2", "tests/a.key2"],
    ),
    "names": (
        "",
        {".gitignore": "a+b/\n/x (1).txt\n[[]z]\n*.py[!c]x\nsp \\ \n", "aab/x": "", "a.pycx": ""},
        ["a+b/x", "x (1).txt", "[z]", "a.pyox"],
    ),
    "keys that git knows nothing of": ("", {"certificates/ca.pem": "", ".npmrc": "", ".aws/config": ""}, []),
    "the folder itself is ignored": (
        "private/app",
        {".gitignore": "/private/\n"},
        ["key", "a/key"],
    ),
}
# The folder of one has something that is committed.
LIKELY = [
    ".aws/credentials",
    "id_ed25519",
    "deploy/server.key",
    "a/b/.env",
    ".env.production",
    "vendor/x/.git/config",
    ".ssh/id_rsa",
]


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *IDENTITY, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def repository_of(folder: Path, application: str, files: Files, ignored: list[str]) -> Path:
    git(folder, "init", "-q")
    for path, text in {**files, f"{application}/main.py": "", f"{application}/a file/b.py": ""}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "-m", "first")
    for path in [*ignored, *LIKELY]:
        (folder / application / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / application / path).write_text("s3cret")
    return folder


def lines_for(folder: Path, application: str, *, project: Path = Path("/elsewhere")) -> list[str]:
    """Return the lines that the export has for a repository, without those that are always there."""
    found = Repository(folder, application)
    tree = find_tree(found, git(folder, "rev-parse", "HEAD^{tree}").strip(), application, "here")
    ignored, never = left_out(make_settings(), tree, project, folder / application)
    return [*ignored, "**/.git", "**/.env", "**/.env.*", *never]


def files_below(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).parts[0] != ".git":
            yield path.relative_to(folder).as_posix()


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_an_image_has_what_is_committed_and_nothing_that_git_ignores(
    shape: tuple[str, Files, list[str]], tmp_path: Path
) -> None:
    application, files, ignored = shape
    repository_of(tmp_path, application, files, ignored)
    place = tmp_path / application
    said = git(place, "ls-files", "--others", "--ignored", "--exclude-standard", "-z").split("\0")
    assert set(ignored) <= set(said), "the test's own list is not what git ignores"
    known = Ignored(lines_for(tmp_path, application))
    kept = {path for path in files_below(place) if path not in known}
    archive = subprocess.run(["git", "archive", "HEAD", "."], cwd=place, capture_output=True, check=True).stdout
    listed = subprocess.run(["tar", "t"], input=archive, capture_output=True, check=True).stdout.decode()
    released = {path for path in listed.splitlines() if not path.endswith("/")} - {"[z]"}
    assert kept == released
    assert not kept & set(LIKELY)


def test_a_new_file_in_a_folder_that_is_taken_back_changes_no_line(tmp_path: Path) -> None:
    application, files, ignored = SHAPES["all but some folders"]
    repository_of(tmp_path, application, files, ignored)
    before = lines_for(tmp_path, application)
    (tmp_path / "src" / "deep" / "new.py").write_text("")
    assert "src/deep/new.py" not in Ignored(before)
    git(tmp_path, "add", "src/deep/new.py")
    git(tmp_path, "commit", "-q", "-m", "more")
    assert lines_for(tmp_path, application) == before


def test_what_a_persons_own_list_ignores_is_told_and_what_the_lines_leave_out_is_not(tmp_path: Path) -> None:
    repository_of(tmp_path, "app", {".gitignore": "*.db\n"}, ["x.db"])
    (tmp_path / ".git" / "info" / "exclude").write_text("/app/notes\nmine.txt\n")
    (tmp_path / "app" / "notes").mkdir()
    for path in ("notes/x", "mine.txt"):
        (tmp_path / "app" / path).write_text("")
    place, repository, lines = tmp_path / "app", Repository(tmp_path, "app"), lines_for(tmp_path, "app")
    assert unknown_files(repository, "app", lines) == ["mine.txt", "notes/"]
    [said] = warnings(repository, "app", place, lines)
    assert said.startswith("git ignores mine.txt, notes/ by a rule that is not in the repository, and an image that is")
    assert list(warnings(repository, "app", place, [*lines, "mine.txt", "notes"])) == []
    (place / "Dockerfile.dockerignore").write_text("")
    assert "Dockerfile.dockerignore lies in " in [*warnings(repository, "app", place, lines)][-1]


def test_the_project_and_its_secrets_stay_out_though_they_are_committed(tmp_path: Path) -> None:
    names = ("deploy.py", "group_data/secrets.py", "inventories/x.py", "exports/compose/secrets/TOKEN")
    repository_of(tmp_path, "", dict.fromkeys(names, ""), [])
    known = Ignored(lines_for(tmp_path, "", project=tmp_path))
    assert [path for path in (*names, "main.py", "app/deploy.py") if path not in known] == ["main.py", "app/deploy.py"]


def test_a_file_of_git_that_no_pattern_leaves_out_is_named_when_it_is_not_released() -> None:
    found = Folder("", ["a/x", "a/y/z", "b", "c/d"], ["b", "a/x"])
    assert [line for line in ignored_lines(found, ()) if line[0] != "*"] == ["a/y", "c"]
