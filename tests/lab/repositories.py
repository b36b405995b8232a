"""Applications as people have them in their repositories, for `homeport init` to look at."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.lab.project import IDENTITY, REPOSITORY, UV

PROJECT_FILE = """[project]
name = "shop"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["fastapi", "fastapi-cli", "uvicorn"]

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""
MAIN = """from fastapi import FastAPI

from shop.routes import router

application = FastAPI()
application.include_router(router)
"""
ROUTES = """from fastapi import APIRouter

router = APIRouter(prefix="/api")


@router.get("/healthz")
def healthz() -> dict[str, str]:
    return {"shape": "package"}
"""


def git(folder: Path, *words: str) -> str:
    """Run git in a repository and have it succeed; return what it printed."""
    command = ["git", *IDENTITY, *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, message: str = "change") -> str:
    """Commit all that is there; return the commit."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def package(folder: Path) -> None:
    """Make a package below src/ with a uv.lock, and the application under a name of its own."""
    for name, text in (("__init__.py", ""), ("main.py", MAIN), ("routes.py", ROUTES)):
        (folder / "src" / "shop").mkdir(parents=True, exist_ok=True)
        (folder / "src" / "shop" / name).write_text(text)
    (folder / "pyproject.toml").write_text(PROJECT_FILE)
    subprocess.run([str(UV), "lock", "--quiet"], cwd=folder, check=True)
    _commit_first(folder)


def one_file(folder: Path) -> None:
    """Make one file and a requirements.txt."""
    folder.mkdir(parents=True)
    for name in ("main.py", "requirements.txt"):
        shutil.copy(REPOSITORY / "examples" / "hello" / name, folder / name)
    _commit_first(folder)


def monorepo(folder: Path) -> None:
    """Make a repository with something else in it, and below services/shop an application with migrations."""
    ignored = shutil.ignore_patterns("__pycache__", ".state")
    shutil.copytree(REPOSITORY / "examples" / "notes", folder / "services" / "shop", ignore=ignored)
    (folder / "web").mkdir()
    (folder / "web" / "package.json").write_text("{}\n")
    _commit_first(folder)


def _commit_first(folder: Path) -> None:
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "first")
