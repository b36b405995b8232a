"""The wheel has all that a run needs, and says where it is once it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from homeport.delivery.installed import files as host_program

REPOSITORY = Path(__file__).parents[1]
PROJECT = ("templates", "inventories", "group_data", "deploy.py", "config.py")


def tracked(*patterns: str) -> set[str]:
    """Return the repository's files, as git has them, that are on the disk too."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return {name for name in listed.split("\0") if name and (REPOSITORY / name).is_file()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(REPOSITORY)]
    subprocess.run(command, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel and nothing else; its Python."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    return python


def content(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    found = content(wheel)
    package = tracked("homeport")
    assert package <= set(found)
    for name in ("homeport/facts/snapshot.sh", "homeport/operations/scripts/files.sh", "homeport/host/main.py"):
        assert name in package
    for name in package:
        assert found[name] == (REPOSITORY / name).read_bytes(), name


def test_the_wheel_has_the_files_of_a_project_and_its_templates(wheel: Path) -> None:
    found, project = content(wheel), tracked(*PROJECT)
    assert {"deploy.py", "config.py", "group_data/all.py", "templates/nginx/site.conf"} <= project
    for name in project:
        assert found[f"homeport/_project/{name}"] == (REPOSITORY / name).read_bytes(), name


def test_the_wheel_has_nothing_else(wheel: Path) -> None:
    wanted = tracked("homeport") | {f"homeport/_project/{name}" for name in tracked(*PROJECT)}
    others = {name for name in content(wheel) if ".dist-info/" not in name}
    assert others == wanted


def test_an_installed_homeport_finds_its_templates_and_its_host_program(installed: Path) -> None:
    script = (
        "import json\n"
        "from homeport.controller.folders import TEMPLATES\n"
        "from homeport.delivery.installed import files\n"
        "print(json.dumps([str(TEMPLATES), (TEMPLATES / 'nginx' / 'site.conf').is_file(), files()]))"
    )
    done = subprocess.run([str(installed), "-I", "-c", script], check=True, capture_output=True, text=True, cwd="/")
    templates, there, program = json.loads(done.stdout)
    assert there
    assert Path(templates).is_relative_to(installed.parents[1])
    assert program == host_program()


def test_an_installed_homeport_has_its_command(installed: Path) -> None:
    # The dependencies are those of the environment that runs the tests; its own homeport is not seen that way.
    environment = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
    command = [str(installed.with_name("homeport")), "--help"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/", env=environment)
    assert done.stdout.startswith("Usage: homeport ")
