"""Exported files on the disk: written, compared, and never over what a person has changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from homeport.errors import UsageError
from homeport.exports.engines import ENGINES, Engine, File
from homeport.exports.writing import compare, write, write_secrets
from homeport.source.own_package import OwnFile
from tests.exports.subjects import CODE, subject
from tests.exports.test_ignored import git

FILES = {"Dockerfile": File("FROM a\n"), ".container/entrypoint": File("#!/bin/sh\n", executable=True)}
RECORD = ".container/export.json"


def test_files_are_written_with_their_modes_and_are_the_same_afterwards(tmp_path: Path) -> None:
    assert write(tmp_path, FILES, RECORD, force=False) == [(".container/entrypoint", True), ("Dockerfile", True)]
    assert (tmp_path / "Dockerfile").read_text() == "FROM a\n"
    assert (tmp_path / ".container" / "entrypoint").stat().st_mode & 0o777 == 0o755
    assert sorted(json.loads((tmp_path / RECORD).read_text())) == [".container/entrypoint", "Dockerfile"]
    assert compare(tmp_path, FILES, RECORD).differing == {}
    assert write(tmp_path, FILES, RECORD, force=False) == []
    assert not list(tmp_path.rglob("*.new"))


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_what_is_exported_is_committed_whatever_the_repository_ignores_but_no_value_of_a_secret(
    engine: Engine, tmp_path: Path
) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text(".env\n*.pth\n*.json\nsecrets\n*.service\nlock/\n")
    folder = tmp_path / "exports"
    code = replace(CODE, own_files=(OwnFile(".homeport/lock/member/uv.lock", ""),))
    write(folder, engine.files(subject(code=code)), engine.record, force=False)
    write_secrets(folder, {"TOKEN": "x"})
    (folder / "mine.json").write_text("")
    said = git(folder, "ls-files", "--others", "--ignored", "--exclude-standard")
    assert sorted(said.split()) == ["mine.json", "secrets/.gitignore", "secrets/TOKEN"]


def test_what_settings_have_made_stale_is_told_and_written_anew(tmp_path: Path) -> None:
    write(tmp_path, FILES, RECORD, force=False)
    newer = {**FILES, "Dockerfile": File("FROM b\n")}
    assert compare(tmp_path, newer, RECORD).differing == {"Dockerfile": "stale"}
    (tmp_path / ".container" / "entrypoint").chmod(0o644)
    assert compare(tmp_path, newer, RECORD).differing[".container/entrypoint"] == "stale"
    (tmp_path / ".container" / "entrypoint").unlink()
    assert compare(tmp_path, newer, RECORD).differing[".container/entrypoint"] == "missing"
    write(tmp_path, newer, RECORD, force=False)
    assert (tmp_path / "Dockerfile").read_text() == "FROM b\n"


def test_what_a_person_has_changed_is_written_over_with_force_alone_and_nothing_else_is_before(tmp_path: Path) -> None:
    write(tmp_path, FILES, RECORD, force=False)
    (tmp_path / "Dockerfile").write_text("FROM mine\n")
    newer = {"Dockerfile": File("FROM b\n"), ".container/entrypoint": File("#!/bin/bash\n", executable=True)}
    assert compare(tmp_path, newer, RECORD).differing == {"Dockerfile": "changed", ".container/entrypoint": "stale"}
    with pytest.raises(UsageError) as error:
        write(tmp_path, newer, RECORD, force=False)
    assert error.value.line() == (
        f"export: {tmp_path / 'Dockerfile'} would be overwritten, and the present content is not from an export; "
        "see --check, keep what you need, and repeat it with --force"
    )
    assert (tmp_path / "Dockerfile").read_text() == "FROM mine\n"
    assert (tmp_path / ".container" / "entrypoint").read_text() == "#!/bin/sh\n"
    write(tmp_path, newer, RECORD, force=True)
    assert compare(tmp_path, newer, RECORD).differing == {}


def test_a_file_that_was_there_before_the_first_export_is_somebodys(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM mine\n")
    with pytest.raises(UsageError, match="not from an export"):
        write(tmp_path, FILES, RECORD, force=False)
    assert not (tmp_path / RECORD).exists()


def test_what_is_exported_no_longer_goes_unless_it_was_changed(tmp_path: Path) -> None:
    more = {**FILES, "a": File("1\n"), "b": File("2\n")}
    write(tmp_path, more, RECORD, force=False)
    (tmp_path / "b").write_text("mine\n")
    assert compare(tmp_path, FILES, RECORD).differing == {"a": "left over"}
    assert write(tmp_path, FILES, RECORD, force=False) == [("a", False)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".container", "Dockerfile", "b"]


def test_a_record_of_somebodys_making_leads_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    (folder / ".container").mkdir(parents=True)
    (tmp_path / "other").write_text("")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (folder / RECORD).write_text(json.dumps({"../other": empty, str(tmp_path / "other"): empty}))
    write(folder, FILES, RECORD, force=False)
    assert (tmp_path / "other").exists()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / ".container").write_text("a file in the folder's place")
    with pytest.raises(UsageError, match="export: "):
        write(tmp_path, FILES, RECORD, force=True)


@pytest.mark.parametrize("text", ["[]", "1", "null", '"x"', "no", '["Dockerfile"]'])
def test_a_record_of_another_shape_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / ".container").mkdir()
    (tmp_path / RECORD).write_text(text)
    assert compare(tmp_path, FILES, RECORD).differing == dict.fromkeys(FILES, "missing")
    write(tmp_path, FILES, RECORD, force=False)
    assert sorted(json.loads((tmp_path / RECORD).read_text())) == [".container/entrypoint", "Dockerfile"]
