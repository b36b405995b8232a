"""`homeport check`, and what `plan` and `deploy` refuse, in a project of its own; nothing is connected to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from homeport.controller.folders import PACKAGE

REPOSITORY = PACKAGE.parent
IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
INVENTORY = """
production = [
    (name, {"ssh_hostname": "127.0.0.1", "ssh_port": 1, "domain": f"{name}.example.com"})
    for name in ("web1.test", "web2.test")
]
"""
Homeport = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("deploy.py", "config.py"):
        shutil.copy(REPOSITORY / name, folder / name)
    (folder / "inventories").mkdir()
    (folder / "inventories" / "production.py").write_text(INVENTORY)
    (folder / "group_data").mkdir()
    (folder / "group_data" / "all.py").write_text('app_name = "hello"\napp_source = "app"\n')
    shutil.copytree(REPOSITORY / "examples" / "hello", folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *IDENTITY, *words], cwd=folder / "app", check=True)
    return folder


@pytest.fixture
def homeport(project: Path) -> Homeport:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "homeport.cli.main", *words],
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "HOME": str(project)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_a_host_without_problems_gets_a_line(homeport: Homeport) -> None:
    done = homeport("check", "production")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["web1.test:", "web2.test:"]
    assert "web2.test.example.com" in done.stdout.splitlines()[1]
    assert len(homeport("check", "production", "--limit", "web2*").stdout.splitlines()) == 1


def test_every_problem_of_every_host_is_shown_at_once_and_the_json_is_as_published(
    homeport: Homeport, project: Path
) -> None:
    schema = json.loads((PACKAGE / "cli" / "schemas" / "check.json").read_text())
    jsonschema.validate(json.loads(homeport("check", "production", "--json").stdout), schema)
    (project / "group_data" / "all.py").write_text(
        'app_name = "hello"\napp_source = "app"\nworkers = 0\nhelth_path = 1\n'
    )
    done = homeport("check", "production", "--json")
    assert done.returncode == 2
    document = json.loads(done.stdout)
    jsonschema.validate(document, schema)
    assert [len(one["problems"]) for one in document] == [2, 2]
    assert "did you mean 'health_path'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_template_that_cannot_be_rendered_is_a_problem(homeport: Homeport, project: Path) -> None:
    (project / "overrides" / "nginx").mkdir(parents=True)
    (project / "overrides" / "nginx" / "site.conf").write_text("{{ no_such_value }}")
    done = homeport("check", "production")
    assert done.returncode == 2
    assert "no_such_value" in done.stderr


def test_a_project_without_the_guard_is_told_of_it(homeport: Homeport, project: Path) -> None:
    (project / "config.py").unlink()
    done = homeport("check", "production")
    assert done.returncode == 2
    assert "error: config.py: " in done.stderr


def test_a_name_that_selects_nothing_is_refused(homeport: Homeport) -> None:
    for command in ("check", "plan"):
        done = homeport(command, "production", "--limit", "web9")
        assert done.returncode == 2, done.stderr
        assert "no host is selected" in done.stderr
    done = homeport("check", "prodction")
    assert done.returncode == 2
    assert "there are: production" in done.stderr


@pytest.mark.parametrize("words", [("plan", "production"), ("deploy", "production", "--yes")])
def test_wrong_settings_end_a_run_with_status_2_before_anything_is_connected_to(
    homeport: Homeport, project: Path, words: tuple[str, ...]
) -> None:
    (project / "group_data" / "all.py").write_text('app_name = "hello"\napp_source = "app"\nworkers = 0\n')
    done = homeport(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert [line for line in done.stderr.splitlines() if not line.startswith("error: web")] == []


def test_a_deploy_without_a_yes_is_refused_where_nobody_can_be_asked(homeport: Homeport) -> None:
    done = homeport("deploy", "production")
    assert done.returncode == 2
    assert "error: --yes: there is no terminal to ask for confirmation" in done.stderr


@pytest.mark.parametrize("words", [("plan", "production"), ("deploy", "production", "--yes")])
def test_a_machine_that_is_away_is_status_1_with_a_line_of_its_own(homeport: Homeport, words: tuple[str, ...]) -> None:
    done = homeport(*words)
    assert done.returncode == 1, done.stderr
    for host in ("web1.test", "web2.test"):
        assert sum(host in line and "no connection: " in line for line in done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_plan_as_json_has_the_hosts_that_could_not_be_read(homeport: Homeport) -> None:
    done = homeport("plan", "production", "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    jsonschema.validate(document, json.loads((PACKAGE / "cli" / "schemas" / "plan.json").read_text()))
    assert [one["host"] for one in document] == ["web1.test", "web2.test"]
    assert all("no connection" in one["error"] for one in document)


def test_the_features_that_a_host_without_outbound_access_lacks_are_named(project: Path, homeport: Homeport) -> None:
    with (project / "group_data" / "all.py").open("a") as file:
        file.write('outbound = "controller"\n')
    done = homeport("check", "production")
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if line.startswith("warning: outbound: ")]
    assert ["homeport upgrade TARGET" in line for line in said] == [True, False]
    assert "homeport cert TARGET --renew" in said[1]


@pytest.mark.parametrize(
    "words", ["check", "status", "trust", "plan", "rollback --yes", "run", "secrets edit", "maintenance"]
)
def test_a_python_error_in_group_data_is_one_line_for_every_command(
    homeport: Homeport, project: Path, words: str
) -> None:
    (project / "group_data" / "production.py").write_text("import os\n\nx = \n")
    name, *options = words.split(" --")
    more = ["--", "true"] if name == "run" else []
    done = homeport(*name.split(), "production", *(f"--{one}" for one in options), *more)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "error: group_data/production.py:3: SyntaxError: invalid syntax\n"
