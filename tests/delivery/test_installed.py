"""The program as it is put on hosts: the standard library only, old Pythons, runnable from where it lies."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from homeport.delivery.installed import files
from homeport.host.system.layout import PROGRAM_DIRECTORY

OLDEST = (3, 10)
MODULES = {path: text for path, text in files().items() if path.endswith(".py")}


@pytest.fixture
def launcher(tmp_path: Path) -> Path:
    for path, text in files().items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text.replace(f'"{PROGRAM_DIRECTORY}"', f'"{tmp_path}"'))
    (tmp_path / "homeport-host").chmod(0o755)
    return tmp_path / "homeport-host"


@pytest.mark.parametrize("path", MODULES)
def test_the_host_program_imports_only_the_standard_library_and_itself(path: str) -> None:
    for node in ast.walk(ast.parse(MODULES[path], feature_version=OLDEST)):
        if isinstance(node, ast.Import):
            assert all(name.name.partition(".")[0] in sys.stdlib_module_names for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert (node.module or "").partition(".")[0] in sys.stdlib_module_names
        elif isinstance(node, ast.ImportFrom):
            folders = path.split("/")[: -node.level]
            base = "/".join([*folders, *(node.module or "").split(".")]).rstrip("/")
            assert folders
            assert f"{base}.py" in MODULES or all(f"{base}/{name.name}.py" in MODULES for name in node.names)


def test_the_host_program_runs_from_its_files_alone(launcher: Path) -> None:
    done = subprocess.run([launcher, "--help"], cwd="/", capture_output=True, text=True, check=True)

    for command in ("start", "commit", "wait-healthy", "may-run", "status", "prune", "reload-proxy", "stamp-proxy"):
        assert command in done.stdout


def test_every_module_can_be_imported_by_the_systems_python_without_what_would_double_its_start(
    launcher: Path,
) -> None:
    names = [path[: -len(".py")].replace("/", ".") for path in MODULES]
    program = f"import sys; sys.path.insert(0, {str(launcher.parent)!r}); import {', '.join(names)}"
    loaded = "; print(*sys.modules)"

    done = subprocess.run(
        ["/usr/bin/python3", "-IB", "-c", program + loaded], capture_output=True, text=True, check=True
    )

    assert not {"dataclasses", "inspect", "http.client", "email"} & set(done.stdout.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["start", "--app", "../x", "--release", "r1"],
        ["start", "--app", "notes", "--release", "../../etc"],
        ["start", "--app", "notes", "--release", ".."],
        ["may-run", "--app", "notes", "--slot", "red"],
        [],
    ],
)
def test_arguments_that_could_leave_the_folders_are_refused(launcher: Path, arguments: list[str]) -> None:
    assert subprocess.run([launcher, *arguments], capture_output=True, check=False).returncode == 2


def test_the_first_module_of_the_host_program_is_put_in_place_last() -> None:
    # Until then whoever calls it (a unit that starts, a timer) gets the whole program that was there before.
    assert list(files())[-2:] == ["hostprogram/main.py", "homeport-host"]


def test_only_the_launcher_is_not_a_module() -> None:
    assert [path for path in files() if not path.endswith(".py")] == ["homeport-host"]
