"""What a release has of the application as a package of its own: import folders, metadata, commands."""

from __future__ import annotations

import tomllib

import pytest

from homeport.source.own_package import OwnPackage, own_package

BUILD = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
PROJECT = '[project]\nname = "My.App"\nversion = "1.2"\nrequires-python = ">=3.11"\ndependencies = ["fastapi>=0.1"]\n'


def made(toml: str, files: dict[str, str] | None = None, imported_from: str = "") -> OwnPackage:
    files = files or {"app/__init__.py": ""}
    read = files.get
    return own_package(files.keys(), tomllib.loads(toml), read, tree="0123456789abcdef", imported_from=imported_from)


def text(found: OwnPackage, name: str) -> str:
    return next(file.text for file in found.files if file.path.endswith(f"/{name}"))


def test_what_an_editable_installation_would_say_of_it_lies_in_the_release() -> None:
    found = made(PROJECT + '[project.scripts]\nserve-it = "app.cli:main"\n' + BUILD)
    assert [file.path for file in found.files] == [
        ".homeport/packages/my_app-1.2.dist-info/METADATA",
        ".homeport/packages/my_app-1.2.dist-info/INSTALLER",
        ".homeport/packages/my_app-1.2.dist-info/entry_points.txt",
        ".homeport/bin/serve-it",
    ]
    assert text(found, "METADATA").splitlines() == [
        "Metadata-Version: 2.1", "Name: my-app", "Version: 1.2", "Requires-Python: >=3.11",
        "Requires-Dist: fastapi>=0.1",
    ]  # fmt: skip
    assert text(found, "entry_points.txt") == "[console_scripts]\nserve-it = app.cli:main\n"
    assert [file.executable for file in found.files] == [False, False, False, True]
    assert found.import_folders == (".homeport/packages", "")


@pytest.mark.parametrize(("more", "files", "folders"), [
    ("", {"src/my_app/__init__.py": ""}, ("src",)),
    ("", {"src/__init__.py": "", "src/main.py": ""}, ()),
    ('[tool.hatch.build.targets.wheel]\npackages = ["backend/app"]', {"backend/app/__init__.py": ""}, ("backend",)),
    ('[tool.hatch.build.targets.wheel]\npackages = ["app"]', {"app/__init__.py": ""}, ()),
    ('[tool.setuptools.packages.find]\nwhere = ["lib"]', {"lib/app/__init__.py": ""}, ("lib",)),
    ('[tool.setuptools.package-dir]\n"" = "lib"', {"lib/app.py": ""}, ("lib",)),
    ('[tool.uv.build-backend]\nmodule-root = "code"', {"code/app/__init__.py": ""}, ("code",)),
    ('[tool.poetry]\npackages = [{ include = "app", from = "py" }]', {"py/app/__init__.py": ""}, ("py",)),
    ('[tool.setuptools.package-dir]\n"" = "../elsewhere"', {"app.py": ""}, ()),
])  # fmt: skip
def test_code_is_imported_from_where_the_build_backend_takes_it(
    more: str, files: dict[str, str], folders: tuple[str, ...]
) -> None:
    assert made(f"{PROJECT}{more}\n", files).import_folders == (".homeport/packages", *folders, "")


def test_without_a_project_the_servers_import_folder_is_everybodys() -> None:
    assert made("", {"code/main.py": ""}, "code") == OwnPackage(("code", ""))
    assert made(PROJECT + "[tool.uv]\npackage = false\n") == OwnPackage(("",))


@pytest.mark.parametrize(("more", "files", "version"), [
    ('[tool.hatch.version]\npath = "app/about.py"', {"app/about.py": '__version__ = "3.1"\n'}, "3.1"),
    ('[tool.setuptools.dynamic]\nversion = { attr = "app.VERSION" }', {"app/__init__.py": "VERSION = '4'\n"}, "4"),
    ('[tool.setuptools.dynamic]\nversion = { file = ["VERSION"] }', {"VERSION": "5.0\n"}, "5.0"),
    ("", {"src/my_app/__init__.py": '"""Ours."""\n__version__: str = "6"\n'}, "6"),
    ("[tool.setuptools_scm]", {"app.py": ""}, "0.0.0+0123456789ab"),
])  # fmt: skip
def test_a_dynamic_version_is_read_where_its_backend_looks_and_made_up_of_the_tree_where_that_needs_a_build(
    more: str, files: dict[str, str], version: str
) -> None:
    dynamic = '[project]\nname = "my-app"\ndynamic = ["version"]\n'
    assert f"Version: {version}\n" in text(made(f"{dynamic}{more}\n", files), "METADATA")


def test_poetrys_own_table_is_understood() -> None:
    found = made('[tool.poetry]\nname = "old"\nversion = "2"\n[tool.poetry.scripts]\nold = "old.cli:run"\n')
    assert "Name: old\nVersion: 2\n" in text(found, "METADATA")
    assert "from old.cli import run" in text(found, "old")


def test_compiled_parts_are_named_before_a_deploy() -> None:
    assert made(PROJECT + BUILD).warnings == ()
    [line] = made(PROJECT + '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n').warnings
    assert line.startswith("the application's own package has compiled parts")


@pytest.mark.parametrize("scripts", ['"../x" = "a:b"', 'x = "no target"', 'x = "a:b;import os"', "x = 1"])
def test_what_is_no_command_becomes_none(scripts: str) -> None:
    found = made(f"{PROJECT}[project.scripts]\n{scripts}\n")
    commands = [file for file in found.files if file.executable]
    assert all("import os" not in file.text and ".." not in file.path for file in commands)
