"""What holds for the files of the repository as such."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.cli.reference import documents

REPOSITORY = Path(__file__).parents[1]
LONGEST_MODULE = 250
LONGEST_FUNCTION = 40


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=REPOSITORY, check=True, capture_output=True, text=True
    ).stdout
    return [REPOSITORY / name for name in listed.split("\0") if name and (REPOSITORY / name).is_file()]


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        yield path.relative_to(REPOSITORY), path.read_text(errors="replace")


def configured_registries() -> set[str]:
    """Return the hosts that this machine is told to fetch packages from or through: apt, pip, uv, proxies."""
    sources = [*Path("/etc/apt").glob("sources.list*"), *Path("/etc/apt").glob("*.d/*"), Path("/etc/uv/uv.toml")]
    sources += [Path.home() / ".config/uv/uv.toml", Path("/etc/environment")]
    lines = [line for path in sources if path.is_file() for line in path.read_text(errors="replace").splitlines()]
    lines += subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout.splitlines()
    lines += [
        value
        for name, value in os.environ.items()
        if re.match(r"(pip|uv)_|.*proxy$|.*index_url$", name, flags=re.IGNORECASE)
    ]
    told = [line for line in lines if not line.lstrip().startswith(("#", "//"))]
    hosts = {host for line in told for host in re.findall(r"://(?:[^/@\s'\"]*@)?([A-Za-z0-9.-]+)", line)}
    # Names below .test are nobody's (RFC 2606): a machine of the lab has its packages from the lab's cache.
    return {host for host in hosts if "." in host and not host.startswith("127.") and not host.endswith(".test")}


@pytest.mark.parametrize("host", sorted(configured_registries()))
def test_no_registry_is_named_in_any_file(host: str) -> None:
    assert [path for path, text in texts() if host in text] == []


def test_no_file_knows_where_the_checkout_is() -> None:
    places = {str(REPOSITORY), sys.prefix} - {"/usr", "/usr/local", "/"}
    assert [path for path, text in texts() if any(place in text for place in places)] == []


@pytest.mark.parametrize(
    "path",
    tracked("*requirements.txt", "requirements/*.txt"),
    ids=lambda path: str(path.relative_to(REPOSITORY)),
)
def test_every_package_in_a_lock_is_pinned_and_hashed(path: Path) -> None:
    entries = re.sub(r"\\\n", "", path.read_text()).splitlines()
    entries = [line for line in entries if line.strip() and not line.lstrip().startswith("#")]
    assert entries
    for entry in entries:
        assert re.match(
            r"[A-Za-z0-9._-]+(\[[\w,-]+\])?==[^\s;]+( ;[^#]*?)?( +--hash=sha256:[0-9a-f]{64})+\s*$", entry
        ), entry


def test_the_locks_hold_what_the_project_asks_for() -> None:
    asked = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    names = [*asked["dependencies"], *asked["optional-dependencies"]["dev"]]
    lock = (REPOSITORY / "requirements" / "dev.txt").read_text()
    locked = {_normal(name) for name in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", lock, flags=re.MULTILINE)}
    wanted = {_normal(re.split(r"[\s<>=~!;\[]", name)[0]) for name in names}
    assert wanted <= locked


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("path", documents())
def test_a_generated_document_is_up_to_date(path: str) -> None:
    assert (REPOSITORY / path).read_text() == documents()[path], "run 'make reference'"


def test_every_module_fits_into_one_reading() -> None:
    modules, generated = tracked("*.py"), documents()
    long = {
        str(path.relative_to(REPOSITORY)): lines
        for path in modules
        if "tests" not in path.relative_to(REPOSITORY).parts
        # A list of the settings, which is looked up in.
        if path.relative_to(REPOSITORY).as_posix() not in generated
        if (lines := path.read_text().count("\n")) > LONGEST_MODULE
    }
    assert long == {}


def test_every_function_fits_into_one_look() -> None:
    long = {
        f"{path.relative_to(REPOSITORY)}:{node.name}": lines
        for path in tracked("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert long == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(REPOSITORY))
        for path in tracked("homeport/*.py")
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_every_script_says_what_it_does_and_is_not_executable_by_itself() -> None:
    for path in tracked("homeport/*.sh"):
        assert path.read_text().startswith("# "), f"{path} begins without saying what it does"
        assert path.stat().st_mode & 0o111 == 0, path
