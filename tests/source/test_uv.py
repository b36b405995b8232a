"""What we tell uv to do, done by the real uv on the content of a release: read-only code, a shared environment."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from homeport.service.environment import install_environment
from homeport.source import Source

from .conftest import Repo

# Named by the lock, as it must be, but installed on Windows only: the tests need no real server.
COMMAND = "fastapi-cli==0.0.34 ; sys_platform == 'win32'"
BUILD = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
LIBRARY = {
    "libs/near/pyproject.toml": '[project]\nname = "near"\nversion = "1"\nrequires-python = ">=3.11"\n[build-system]\n'
    'requires = ["hatchling"]\nbuild-backend = "hatchling.build"\n',
    "libs/near/near/__init__.py": "WHERE = __file__\n",
}


def pyproject(*dependencies: str, more: str = "") -> str:
    head = '[project]\nname = "my-app"\nversion = "1"\nrequires-python = ">=3.11"\n'
    return f"{head}dependencies = {[*dependencies]}\n{more}"


def uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        pytest.skip("uv is not installed")
    return found


def attempt_uv(*arguments: str, cwd: Path | None = None, variables: dict[str, str] | None = None) -> str | None:
    """Run uv; return None if it is done, else what it said."""
    kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "UV_PYTHON")}
    environment = {**kept, **(variables or {})}
    done = subprocess.run([uv(), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else None


def run_uv(*arguments: str, cwd: Path | None = None, variables: dict[str, str] | None = None) -> None:
    assert attempt_uv(*arguments, cwd=cwd, variables=variables) is None


def new_environment(path: Path) -> Path:
    """Make an empty virtual environment for the Python that runs the tests."""
    run_uv("venv", "--quiet", "--python", sys.executable, str(path))
    return path


class Host:
    """A release unpacked as on a host, and an environment for it."""

    def __init__(self, path: Path, source: Source):
        self.code, self.environment, self.source = path / "code", path / "environment", source
        with tarfile.open(fileobj=io.BytesIO(source.archive().data)) as archive:
            # Debian 12's Python does not know the argument yet.
            safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            archive.extractall(self.code, **safely)  # noqa: S202
        self.before = self.listing()
        new_environment(self.environment)

    def listing(self) -> set[tuple[str, bytes]]:
        return {(str(p.relative_to(self.code)), p.read_bytes()) for p in self.code.rglob("*") if p.is_file()}

    def install(self) -> str | None:
        for path in [self.code, *self.code.rglob("*")]:
            path.chmod(0o555)
        return attempt_uv(
            *self.source.dependencies.install[0], cwd=self.code, variables=install_environment(str(self.environment))
        )

    def imports(self, module: str) -> str:
        """Return the path in the release that `module` is imported from, by the import path that a unit has."""
        return str(Path(self._runs(f"import {module}; print({module}.__file__)")).relative_to(self.code))

    def version(self, name: str) -> str:
        return self._runs(f"from importlib.metadata import version; print(version({name!r}))")

    def _runs(self, text: str) -> str:
        path = ":".join(str(self.code / folder) for folder in self.source.own.import_folders)
        words = [str(self.environment / "bin/python"), "-B", "-c", text]
        done = subprocess.run(words, env={"PYTHONPATH": path}, check=True, capture_output=True, text=True, cwd="/")
        return done.stdout.strip()

    def installed(self) -> set[str]:
        (packages,) = self.environment.glob("lib/python*/site-packages")
        return {path.name.split("-")[0] for path in packages.glob("*.dist-info")}


@pytest.fixture
def host(tmp_path: Path) -> Callable[[Source], Host]:
    return lambda source: Host(tmp_path / "host", source)


def test_a_fresh_lock_installs_dependencies_and_local_libraries_only(
    new_repo: Callable[[str], Repo], host: Callable[[Source], Host]
) -> None:
    repo = new_repo("app").write({"main.py": "", "src/my_app/__init__.py": "", **LIBRARY})
    more = '[dependency-groups]\ndev = ["iniconfig"]\n[tool.uv.sources]\nnear = { path = "libs/near" }\n'
    repo.write({"pyproject.toml": pyproject("h11", "near", COMMAND, more=more)})
    run_uv("lock", cwd=repo.path)
    repo.commit()
    there = host(repo.read())
    assert there.source.dependencies.kind == "uv-lock"
    assert there.install() is None
    assert there.installed() == {"h11", "near"}
    assert there.listing() == there.before
    where = subprocess.run(
        [str(there.environment / "bin/python"), "-c", "import near; print(near.WHERE)"],
        cwd="/", check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert where.startswith(str(there.environment))
    assert list(there.environment.glob("lib/python*/site-packages/h11/__pycache__/*.pyc"))


def test_a_python_version_file_does_not_replace_the_environment(
    new_repo: Callable[[str], Repo], host: Callable[[Source], Host]
) -> None:
    repo = new_repo("app").write(
        {"main.py": "", ".python-version": "3.8\n", "pyproject.toml": pyproject("h11", COMMAND)}
    )
    run_uv("lock", "--python", sys.executable, cwd=repo.path)
    repo.commit()
    there = host(repo.read())
    (there.environment / "marker").touch()
    assert there.install() is None
    assert there.installed() == {"h11"}
    assert (there.environment / "marker").exists()


def test_hashes_are_checked(repo: Repo, host: Callable[[Source], Host]) -> None:
    repo.write({"requirements.in": f"h11==0.14.0\n{COMMAND}\n"})
    run_uv(
        "pip", "compile", "--quiet", "--universal", "--generate-hashes", "requirements.in", "--output-file",
        "requirements.txt", cwd=repo.path,
    )  # fmt: skip
    repo.commit()
    there = host(repo.read())
    assert there.source.dependencies.install[0][-1] == "--require-hashes"
    assert there.install() is None
    assert there.installed() == {"h11"}
    other_content = re.sub(
        r"(--hash=sha256:)[0-9a-f]{8}", r"\g<1>00000000", (repo.path / "requirements.txt").read_text()
    )
    (there.code / "requirements.txt").chmod(0o644)
    (there.code / "requirements.txt").write_text(other_content)
    shutil.rmtree(there.environment)
    new_environment(there.environment)
    assert "Hash mismatch" in (there.install() or "")
    assert there.installed() == set()


def test_requirements_with_includes_limits_and_a_local_library(repo: Repo, host: Callable[[Source], Host]) -> None:
    repo.commit({
        "requirements.txt": "-r more/base.txt\n-c limits.txt\n./libs/near\n", "more/base.txt": "h11\n-r deep.txt\n",
        "more/deep.txt": "iniconfig\n", "limits.txt": "h11<0.15\n", **LIBRARY,
    })  # fmt: skip
    there = host(repo.read())
    assert there.install() is None
    assert there.installed() == {"h11", "iniconfig", "near"}
    assert list(there.environment.glob("lib/python*/site-packages/h11-0.14*"))
    assert there.listing() == there.before


def test_a_bare_pyproject_installs_its_dependencies_and_not_itself(
    new_repo: Callable[[str], Repo], host: Callable[[Source], Host]
) -> None:
    repo = new_repo("app")
    repo.commit({"main.py": "", "pyproject.toml": pyproject("h11")})
    there = host(repo.read())
    assert there.install() is None
    assert there.installed() == {"h11"}
    assert there.listing() == there.before


def test_a_member_of_a_workspace_is_installed_by_the_lock_above_it(
    new_repo: Callable[[str], Repo], host: Callable[[Source], Host]
) -> None:
    repo = new_repo("mono").write({
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["apps/*"]\n[dependency-groups]\nx = ["certifi"]\n',
        "apps/api/main.py": "", "apps/api/pyproject.toml": pyproject("h11", COMMAND) + "\n" + BUILD,
        "apps/other/pyproject.toml": pyproject("iniconfig").replace("my-app", "other"),
    })  # fmt: skip
    run_uv("lock", cwd=repo.path)
    repo.commit()
    there = host(repo.read(app_subdirectory="apps/api"))
    assert there.install() is None
    assert there.installed() == {"h11"}
    assert there.listing() == there.before
    before = there.source.dependencies.digest
    repo.write({"apps/api/main.py": "# changed"}).commit()
    assert repo.read(app_subdirectory="apps/api").dependencies.digest == before
    stale = pyproject("h11", "idna", COMMAND) + "\n" + BUILD
    repo.write({"apps/api/pyproject.toml": stale}).commit()
    assert repo.refusal(app_subdirectory="apps/api") == (
        "app_source: uv.lock is older than pyproject.toml: it was not made for idna; run uv lock and commit uv.lock"
    )


def test_a_member_that_needs_another_has_its_code_and_what_it_needs(
    new_repo: Callable[[str], Repo], host: Callable[[Source], Host]
) -> None:
    sources = "[tool.uv.sources]\nother = { workspace = true }\n"
    repo = new_repo("mono").write({
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["apps/*"]\n', "apps/api/main.py": "",
        "apps/api/pyproject.toml": pyproject("h11", "other", COMMAND, more=sources),
        "apps/other/pyproject.toml": pyproject("iniconfig").replace("my-app", "other") + BUILD,
        "apps/other/src/other/__init__.py": "import iniconfig, pathlib\nWHERE = pathlib.Path(__file__)\n",
    })  # fmt: skip
    run_uv("lock", cwd=repo.path)
    repo.commit()
    there = host(repo.read(app_subdirectory="apps/api"))
    assert there.install() is None
    assert there.installed() == {"h11", "iniconfig"}
    assert there.imports("other") == ".homeport/beside/apps/other/src/other/__init__.py"
    before = there.source
    repo.write({"apps/other/src/other/__init__.py": "# changed"}).commit()
    after = repo.read(app_subdirectory="apps/api")
    assert after.dependencies.digest == before.dependencies.digest
    assert after.tree != before.tree


def test_a_path_above_the_application_is_imported_and_not_built(
    new_repo: Callable[[str], Repo], host: Callable[[Source], Host]
) -> None:
    sources = '[tool.uv.sources]\nnear = { path = "../libs/near", editable = true }\n'
    repo = new_repo("mono").write({
        **LIBRARY, "api/main.py": "", "api/pyproject.toml": pyproject("h11", "near", COMMAND, more=sources)
    })  # fmt: skip
    run_uv("lock", cwd=repo.path / "api")
    repo.commit()
    there = host(repo.read(app_subdirectory="api"))
    assert there.install() is None
    assert there.installed() == {"h11"}
    assert there.imports("near") == ".homeport/beside/libs/near/near/__init__.py"


@pytest.mark.parametrize("line", ["-e ../libs/near", "../libs/near", "near @ file:../libs/near"])
def test_requirements_that_name_a_package_beside_the_application(
    new_repo: Callable[[str], Repo], host: Callable[[Source], Host], line: str
) -> None:
    near = LIBRARY["libs/near/pyproject.toml"].replace("version", 'dependencies = ["iniconfig==2.0.0"]\nversion')
    repo = new_repo("mono")
    repo.commit({
        **LIBRARY, "libs/near/pyproject.toml": near, "api/main.py": "", "shared/limits.txt": "iniconfig<3\n",
        "api/requirements.txt": f"-r ../shared/base.txt\n{line}\n", "shared/base.txt": "-c limits.txt\nh11==0.14.0\n",
    })  # fmt: skip
    there = host(repo.read(app_subdirectory="api"))
    assert there.install() is None
    assert there.installed() == {"h11", "iniconfig"}
    assert there.imports("near") == ".homeport/beside/libs/near/near/__init__.py"


def test_a_requirements_file_of_any_name_with_the_application_editable(
    new_repo: Callable[[str], Repo], host: Callable[[Source], Host]
) -> None:
    repo = new_repo("shop")
    repo.commit({
        "shop/__init__.py": "", "shop/main.py": "", "requirements/prod.txt": "-r base.txt\n-e .[fast]\n",
        "requirements/base.txt": "h11==0.14.0\n",
        "setup.py": "from setuptools import setup\nsetup(name='shop', install_requires=['iniconfig'], "
                    "extras_require={'fast': ['idna']})\n",
    })  # fmt: skip
    source = repo.read(requirements_file="requirements/prod.txt", app_entrypoint="shop/main.py")
    there = host(source)
    assert there.install() is None
    assert there.installed() == {"h11", "iniconfig", "idna"}
    assert there.imports("shop") == "shop/__init__.py"
    assert there.before == there.listing()


def test_a_setup_script_alone(new_repo: Callable[[str], Repo], host: Callable[[Source], Host]) -> None:
    repo = new_repo("shop")
    repo.commit({
        "src/shop/__init__.py": "", "src/shop/main.py": "",
        "setup.py": "from setuptools import setup\nNEEDS = ['h11']\n"
                    "setup(name='shop', version='2', package_dir={'': 'src'}, install_requires=NEEDS)\n",
    })  # fmt: skip
    there = host(repo.read(app_entrypoint="shop.main"))
    assert there.install() is None
    assert there.installed() == {"h11"}
    assert there.imports("shop") == "src/shop/__init__.py"
    assert there.version("shop") == "2"
    assert there.before == there.listing()
