"""`homeport init` as a person uses it, in a repository of his own; what it writes is asked by homeport and pyinfra."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
APP = "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/healthz')\ndef healthz(): ...\n"
NEEDS = "fastapi==0.115.0 --hash=sha256:00\nfastapi-cli==0.0.7 --hash=sha256:00\n"
LOCK = """version = 1
[[package]]
name = "shop"
source = { editable = "." }
dependencies = [{ name = "fastapi", extra = ["standard"] }]
[[package]]
name = "fastapi"
source = { registry = "https://example.com" }
[package.optional-dependencies]
standard = [{ name = "fastapi-cli" }]
[[package]]
name = "fastapi-cli"
source = { registry = "https://example.com" }
"""
PROJECT = """[project]
name = "My.Shop"
requires-python = ">=3.12"
dependencies = ["fastapi[standard]"]
"""


class Place:
    """A repository, and homeport in it."""

    def __init__(self, path: Path, files: dict[str, str]) -> None:
        self.path = path
        self.write(files)
        self.git("init", "-q", "-b", "main")
        self.commit()

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(text)

    def git(self, *words: str) -> str:
        command = ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", *words]
        return subprocess.run(command, cwd=self.path, check=True, capture_output=True, text=True).stdout

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")

    def run(self, *words: str, below: str = ".", program: str = "homeport.cli.main") -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", program, *words],
            cwd=self.path / below,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert "Traceback" not in done.stdout, done.stdout
        return done.returncode, done.stdout

    def init(self, *words: str, below: str = ".") -> str:
        status, output = self.run("init", *words, below=below)
        assert status == 0, output
        return output

    def refusal(self, *words: str) -> str:
        before = self.git("status", "--porcelain", "--ignored")
        status, output = self.run("init", *words)
        assert status == 2, output
        [line] = output.splitlines()
        assert self.git("status", "--porcelain", "--ignored") == before
        return line

    def settings(self, project: str = "deploy", inventory: str = "production") -> dict[str, object]:
        found: dict[str, object] = {}
        for name in ("all", inventory):
            exec((self.path / project / "group_data" / f"{name}.py").read_text(), {}, found)  # noqa: S102
        return {name: value for name, value in found.items() if name != "__doc__"}


@pytest.fixture
def place(tmp_path: Path) -> Callable[[dict[str, str]], Place]:
    def make(files: dict[str, str]) -> Place:
        return Place(tmp_path / "shop-repository", files)

    return make


ONE_FILE = {"main.py": APP, "requirements.txt": NEEDS}
SHAPES = {
    "one file": ONE_FILE,
    "a package": {"src/shop/__init__.py": "", "src/shop/main.py": APP, "pyproject.toml": PROJECT, "uv.lock": LOCK},
    "below": {"README.md": "", "services/api/main.py": APP, "services/api/requirements.txt": NEEDS, "web/a.js": ""},
    "migrations": {
        **ONE_FILE,
        "db/alembic.ini": "[alembic]\n",
        ".env.example": "# x\nDATABASE_URL=a\nexport TOKEN=b\n",
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_result_passes_check_as_it_stands(place: Callable[[dict[str, str]], Place], shape: str) -> None:
    here = place(SHAPES[shape])
    assert "before the first deploy" not in here.init("--ci", "github")
    status, said = here.run("check", "production", below="deploy")
    assert status == 0, said


def test_a_committed_project_gets_as_far_as_its_machine(place: Callable[[dict[str, str]], Place]) -> None:
    here = place(SHAPES["below"])
    here.init("--ci", "github")
    here.commit()
    status, said = here.run("check", "production", below="deploy")
    assert status == 0, said
    # The machine's name is an example, which nobody has.
    status, said = here.run("--dry", "inventories/production.py", "deploy.py", below="deploy", program="pyinfra")
    assert status == 1
    assert "error: " not in said.replace("pyinfra error: ", "")
    assert "web1.example.com" in said


def test_settings_follow_from_the_application(place: Callable[[dict[str, str]], Place]) -> None:
    here = place(SHAPES["one file"])
    here.init()
    assert here.settings() == {
        "app_name": "shop-repository",
        "app_source": "..",
        "app_entrypoint": "main.py",
        "health_path": "/healthz",
        "domain": "shop-repository.example.com",
    }
    assert here.settings(inventory="lab")["allow_dirty"] is True


def test_a_package_with_a_lock(place: Callable[[dict[str, str]], Place]) -> None:
    here = place(SHAPES["a package"])
    here.init("--domain", "shop.test", "--host", "me@192.0.2.1", "--host", "two.test")
    found = here.settings()
    assert (found["app_name"], found["app_entrypoint"]) == ("my-shop", "src/shop/main.py")
    assert (found["python_version"], found["domain"]) == ("3.13", "shop.test")
    inventory: dict[str, list[tuple[str, dict[str, str]]]] = {}
    exec((here.path / "deploy/inventories/production.py").read_text(), {}, inventory)  # noqa: S102
    machines = [(name, data["ssh_user"]) for name, data in inventory["production"]]
    assert machines == [("192.0.2.1", "me"), ("two.test", "debian")]


def test_values_that_the_application_declares_are_taken(place: Callable[[dict[str, str]], Place]) -> None:
    declared = f'{PROJECT}[tool.fastapi]\nentrypoint = "shop.other:app"\n'
    here = place({**SHAPES["a package"], "src/shop/other.py": APP, "pyproject.toml": declared})
    here.init()
    assert here.settings()["app_entrypoint"] == "shop.other:app"


def test_an_application_below_a_repository_from_its_root_and_from_there(
    place: Callable[[dict[str, str]], Place],
) -> None:
    here = place(SHAPES["below"])
    here.init()
    assert here.settings()["app_subdirectory"] == "services/api"
    assert here.settings()["app_name"] == "api"
    here.init("services/api", "--ci", "github")
    assert "app_subdirectory" not in here.settings("services/api/deploy")
    workflow = (here.path / ".github/workflows/homeport-api.yml").read_text()
    assert "sh services/api/deploy/ci.sh check production" in workflow
    assert here.run("check", "production", below="services/api/deploy")[0] == 0


def test_migrations_and_variables_that_somebody_has_to_give(place: Callable[[dict[str, str]], Place]) -> None:
    here = place(SHAPES["migrations"])
    here.init()
    assert here.settings()["migrate_command"] == "alembic -c db/alembic.ini upgrade head"
    text = (here.path / "deploy/group_data/production.py").read_text()
    assert "#   DATABASE_URL\n#   TOKEN\n" in text


def test_variables_that_the_code_needs_are_asked_for_and_missed_by_check(
    place: Callable[[dict[str, str]], Place],
) -> None:
    code = "from pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n    token: str\n    url: str\n"
    here = place({**ONE_FILE, "config.py": f"{code}    debug: bool = False\n", ".env": "URL=x\n"})
    assert "variables    TOKEN (homeport secrets set production TOKEN)" in here.init("--host", "127.0.0.1")
    assert "#   TOKEN\n" in (here.path / "deploy/group_data/production.py").read_text()
    here.commit()
    status, output = here.run("check", "production", below="deploy")
    assert status == 0
    assert "config.py has no default for TOKEN, and nothing sets it: name it in environment, or in the" in output
    with (here.path / "deploy/group_data/all.py").open("a") as file:
        file.write('environment = {"token": "x"}\n')
    here.commit()
    assert "no default" not in here.run("check", "production", below="deploy")[1]


def test_a_factory_and_requirements_of_another_name(place: Callable[[dict[str, str]], Place]) -> None:
    factory = "from fastapi import FastAPI\ndef create_app() -> FastAPI:\n    app = FastAPI()\n    return app\n"
    needs = f"{NEEDS}uvicorn==0.30.0 --hash=sha256:00\n"
    here = place({"shop/app.py": factory, "shop/__init__.py": "", "requirements/prod.txt": needs})
    here.init("--host", "127.0.0.1")
    found = here.settings()
    assert (found["app_entrypoint"], found["server"]) == ("shop/app.py:create_app()", "uvicorn")
    assert found["requirements_file"] == "requirements/prod.txt"
    here.commit()
    status, output = here.run("check", "production", below="deploy")
    assert (status, "warning" in output) == (0, False), output


def test_a_second_init_overwrites_no_file(place: Callable[[dict[str, str]], Place]) -> None:
    here = place({**ONE_FILE, ".gitlab-ci.yml": "mine: {script: [make]}\n"})
    here.init()
    for name in ("inventories/production.py", "group_data/production.py", "deploy.py"):
        with (here.path / "deploy" / name).open("a") as file:
            file.write("# mine\n")
    output = here.init("--ci", "gitlab")
    for name in ("inventories/production.py", "group_data/production.py", "deploy.py"):
        assert (here.path / "deploy" / name).read_text().endswith("# mine\n")
        assert f"kept   deploy/{name}" in output
    assert (here.path / ".gitlab-ci.yml").read_text() == "mine: {script: [make]}\n"
    assert "add to .gitlab-ci.yml: include: [{local: deploy/gitlab-ci.yml}]" in output
    assert "wrote  deploy/gitlab-ci.yml" in output


def test_a_folder_that_is_somebody_elses_is_left_alone(place: Callable[[dict[str, str]], Place]) -> None:
    here = place({**ONE_FILE, "deploy/run.sh": "make\n"})
    line = here.refusal()
    assert line == (
        "error: --folder: deploy exists already, and is not a project of homeport; name another: --folder ops"
    )
    here.init("--folder", "ops/machines")
    assert here.settings("ops/machines")["app_source"] == "../.."
    assert here.run("check", "production", below="ops/machines")[0] == 0


def test_an_application_that_cannot_be_deployed_is_refused_in_one_line(
    place: Callable[[dict[str, str]], Place],
) -> None:
    here = place({"a/main.py": APP, "a/requirements.txt": NEEDS, "b/main.py": APP, "b/requirements.txt": NEEDS})
    assert "several applications: a, b; name one, as in: homeport init a" in here.refusal()
    assert "no a/none.py at HEAD" in here.refusal("--entrypoint", "a/none.py")
    assert "--host: 'me@' is not the address of a machine" in here.refusal("a", "--host", "me@")
    assert "app_name: " in here.refusal("a", "--name", "No Name", "--domain", "a.test")
    assert "domain: " in here.refusal("a", "--domain", "nodot")
    assert "is not in the repository" in here.refusal("a", "--folder", "../../..")


def test_outside_of_a_repository(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APP)
    command = [sys.executable, "-m", "homeport.cli.main", "init", str(tmp_path)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no git repository" in done.stderr
    assert not (tmp_path / "deploy").exists()


def test_an_obstacle_to_a_deploy_is_named_after_the_project_is_written(
    place: Callable[[dict[str, str]], Place],
) -> None:
    here = place({"main.py": APP})
    assert "before the first deploy: app_source: no uv.lock, requirements.txt" in here.init()
    here.write({"requirements.txt": "fastapi\n"})
    output = here.init()
    assert "before the first deploy: requirements.txt does not install the fastapi command" in output
    assert "1 uncommitted" in output


COMPOSE = """services:
  web:
    build: .
    command: uvicorn main:app --workers 3
    environment: {STAGE: production, DATABASE_URL: "postgresql://me:hunter2@db/x"}
    labels: ["traefik.http.routers.a.rule=Host(`shop.example.org`) || Host(`www.example.org`)"]
  db: {image: "postgres:17"}
"""
SERVED = {
    "main.py": APP,
    "requirements.txt": f"{NEEDS}uvicorn==0.37.0 --hash=sha256:00\n",
    "compose.yaml": COMPOSE,
    "Dockerfile": "FROM python:3.13\nRUN apt-get update && apt-get install -y libpq5\n",
}


def test_what_files_of_other_tools_say_is_proposed_and_the_rest_is_listed(
    place: Callable[[dict[str, str]], Place],
) -> None:
    here = place(SERVED)
    output = here.init("--host", "127.0.0.1")
    assert "proposed     workers = 3 (compose.yaml:4)" in output
    assert "proposed     environment = STAGE (compose.yaml:5)" in output
    assert "not taken: compose.yaml:7: the service db (postgres:17) is not taken: packages = [" in output
    found = here.settings()
    assert found["domain"] == "shop.example.org"
    assert found["domain_aliases"] == ["www.example.org"]
    assert (found["server"], found["workers"], found["environment"]) == ("uvicorn", 3, {"STAGE": "production"})
    assert (found["packages"], found["python_version"]) == (["libpq5"], "3.13")
    texts = [path.read_text() for path in (here.path / "deploy").rglob("*.py")]
    assert any("#   DATABASE_URL" in text for text in texts)
    assert any("# from compose.yaml:4\nworkers = 3" in text for text in texts)
    assert not any("hunter2" in text for text in [output, *texts])
    here.commit()
    status, output = here.run("check", "production", below="deploy")
    assert status == 0, output


def test_what_a_person_says_counts_more_than_a_file(place: Callable[[dict[str, str]], Place]) -> None:
    here = place({**SERVED, "other.py": APP, "pyproject.toml": "[project]\nname = 'x'\nrequires-python = '>=3.11'\n"})
    here.init("--domain", "mine.example.com", "--entrypoint", "other.py")
    found = here.settings()
    assert (found["domain"], found["app_entrypoint"], found["workers"]) == ("mine.example.com", "other.py", 3)
    assert "python_version" not in found


def test_files_that_cannot_be_read_are_a_line_each(place: Callable[[dict[str, str]], Place]) -> None:
    here = place({**ONE_FILE, "Procfile": f"web: {'x' * 300_000}\n"})
    (here.path / "compose.yaml").symlink_to("/etc/passwd")
    (here.path / ".env.example").symlink_to("/etc/passwd")
    (here.path / "Dockerfile").symlink_to("nowhere")
    output = here.init()
    assert "not taken: compose.yaml: not read: it is a symbolic link that leads out of the repository" in output
    assert "not taken: Procfile: not read: it is larger than 200 KB" in output
    assert "root:" not in output


def test_background_work_is_left_to_one_worker(place: Callable[[dict[str, str]], Place]) -> None:
    work = f"from apscheduler.schedulers.asyncio import AsyncIOScheduler\nscheduler = AsyncIOScheduler()\n{APP}"
    here = place({**ONE_FILE, "main.py": work})
    assert "workers      1 (main.py:2 starts APScheduler in each worker, so that jobs run once each)" in here.init(
        "--host", "127.0.0.1"
    )
    assert here.settings()["workers"] == 1
    here.commit()
    assert "warning" not in here.run("check", "production", below="deploy")[1]
    with (here.path / "deploy/group_data/all.py").open("a") as file:
        file.write("workers = 2\n")
    here.commit()
    output = here.run("check", "production", below="deploy")[1]
    assert "warning: main.py:2 starts background work (APScheduler) in each worker, so that a job runs once" in output


def test_a_pipeline_fetches_submodules_and_files_of_git_lfs(place: Callable[[dict[str, str]], Place]) -> None:
    here = place({**ONE_FILE, ".gitmodules": "", ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    here.init("--ci", "github")
    here.init("--ci", "gitlab", "--folder", "ops")
    github = (here.path / ".github/workflows/homeport.yml").read_text()
    assert (
        github.count("submodules: recursive") == github.count("lfs: true") == github.count("persist-credentials") == 4
    )
    assert "GIT_SUBMODULE_STRATEGY: recursive" in (here.path / "ops/gitlab-ci.yml").read_text()
