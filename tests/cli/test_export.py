"""`homeport export` in a project of its own; nothing is connected to and nothing is built."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from homeport.cli.main import cli
from tests.cli.test_check import IDENTITY, REPOSITORY, Homeport, homeport, project

__all__ = ["homeport", "project"]  # fixtures
SECRET = "s3ntinel"
ALL = "container, docker, quadlet, compose, swarm, kubernetes, nomad"


@pytest.fixture
def one(project: Path) -> Path:
    """The project with one production host and a secret, which lies in the application's repository."""
    (project / "inventories" / "production.py").write_text(
        'production = [("web1.test", {"domain": "a.example.com"})]\n'
    )
    (project / "app" / "secrets.env").write_text(f"TOKEN={SECRET}\n")
    (project / "app" / ".gitignore").write_text("secrets.env\n")
    data = 'app_name = "hello"\napp_source = "app"\nsecrets_file = "app/secrets.env"\n'
    (project / "group_data" / "all.py").write_text(data)
    return project


def says(project: Path, **values: object) -> None:
    """Have the settings say something more."""
    with (project / "group_data" / "all.py").open("a") as file:
        file.writelines(f"{name} = {value!r}\n" for name, value in values.items())


def commit(folder: Path) -> None:
    for words in (["add", "-A"], ["commit", "-q", "-m", "more"]):
        subprocess.run(["git", *IDENTITY, *words], cwd=folder, check=True)


def test_the_files_lie_in_the_applications_folder_and_stay_the_same_when_they_are_committed(
    homeport: Homeport, one: Path
) -> None:
    done = homeport("export", "container", "production")
    assert done.returncode == 0, done.stderr
    assert "wrote  app/Dockerfile\n" in done.stdout
    assert "Next, in app:\n  docker build " in done.stdout
    texts = {
        path: path.read_bytes() for path in (one / "app").rglob("*") if path.is_file() and ".git/" not in str(path)
    }
    assert not [path for path, text in texts.items() if SECRET.encode() in text and path.name != "secrets.env"]
    assert "\nsecrets.env\n" in (one / "app" / ".dockerignore").read_text()
    commit(one / "app")
    again = homeport("export", "container", "production")
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, "app: up to date")
    assert all(path.read_bytes() == text for path, text in texts.items())


def test_a_check_says_which_file_is_stale_and_a_changed_one_stays_without_force(homeport: Homeport, one: Path) -> None:
    missing = homeport("export", "container", "production", "--check")
    assert missing.returncode == 1
    assert "app/Dockerfile is missing\n" in missing.stdout
    assert not (one / "app" / "Dockerfile").exists()
    homeport("export", "container", "production")
    assert homeport("export", "container", "production", "--check").stdout == "app: up to date\n"
    says(one, python_version="3.11")
    stale = homeport("export", "container", "production", "--check")
    assert (stale.returncode, stale.stdout) == (
        1,
        "app/Dockerfile is stale: settings or source have changed since\n",
    )
    (one / "app" / "Dockerfile").write_text("FROM mine\n")
    refused = homeport("export", "container", "production")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: export: ")
    assert (one / "app" / "Dockerfile").read_text() == "FROM mine\n"
    assert homeport("export", "container", "production", "--force").returncode == 0
    assert "FROM python:3.11-slim" in (one / "app" / "Dockerfile").read_text()


def test_what_is_exported_does_not_change_the_release_on_machines_but_for_two_files(
    homeport: Homeport, one: Path
) -> None:
    homeport("export", "container", "production")
    commit(one / "app")
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=one / "app", capture_output=True, check=True).stdout
    names = subprocess.run(["tar", "t"], input=archive, capture_output=True, check=True).stdout.decode().splitlines()
    assert not [name for name in names if name.startswith(".container/") and name != ".container/"]
    assert {"Dockerfile", ".dockerignore"} <= set(names)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["podman", "production"],
            f"error: ENGINE: there is no engine podman; choose one of: {ALL}\n",
        ),
        (["contaner", "production"], "error: ENGINE: there is no engine contaner; did you mean container?\n"),
        (
            [],
            f"error: ENGINE: it is missing; choose one of: {ALL}\n",
        ),
        (["container"], "error: TARGET: it is missing; homeport export container INVENTORY\n"),
        (["container", "staging"], "error: TARGET: no inventory staging; there are: production\n"),
        (
            ["container", "production", "--secrets"],
            "error: --secrets: secrets must not be in an image; give them to the running container\n",
        ),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    words: list[str], said: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    done = CliRunner().invoke(cli, ["export", *words])
    assert (done.exit_code, done.stderr) == (2, said)


def test_the_engines_are_listed() -> None:
    done = CliRunner().invoke(cli, ["export", "--list"])
    assert [line.split()[0] for line in done.stdout.splitlines()] == ALL.split(", ")


def test_what_the_engine_cannot_keep_is_named_a_line_each_and_nothing_is_written(homeport: Homeport, one: Path) -> None:
    says(one, hooks_after_live="true", standby=True)
    done = homeport("export", "container", "production")
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert first == (
        "error: standby: homeport export container does not support it: one container runs at a time; "
        "unset it for this export"
    )
    assert second.startswith("error: hooks_after_live: ")
    assert not (one / "app" / "Dockerfile").exists()


def test_hosts_that_differ_are_two_exports(homeport: Homeport, project: Path) -> None:
    done = homeport("export", "container", "production")
    assert done.returncode == 2
    assert done.stderr == (
        "error: domain: web2.test has another domain than web1.test, and an export is made for one host; "
        "name one of them with --limit\n"
    )
    assert homeport("export", "container", "production", "--limit", "web2.test").returncode == 0
    assert "web2.test.example.com" in (project / "app" / ".container" / "health.py").read_text()


def test_a_missing_secrets_file_is_named_and_a_pipelines_secret_need_not_be_there(
    homeport: Homeport, one: Path
) -> None:
    says(one, secrets_from_environment=["FROM_PIPELINE"])
    assert homeport("export", "container", "production").returncode == 0
    assert "\nsecret FROM_PIPELINE\nsecret TOKEN\n" in (one / "app" / ".container" / "entrypoint").read_text()
    (one / "app" / "secrets.env").unlink()
    done = homeport("export", "container", "production")
    assert done.returncode == 2
    assert done.stderr.startswith("error: secrets_file: ")
    assert done.stderr.count("\n") == 1


def test_the_working_tree_is_what_is_exported_and_a_project_inside_it_is_not(homeport: Homeport, one: Path) -> None:
    """As `homeport init` writes it: the project is a folder of the application's."""
    inner = one / "app" / "deploy"
    inner.mkdir()
    for name in ("deploy.py", "config.py", "inventories", "group_data"):
        (one / name).rename(inner / name)
    data = 'app_name = "hello"\napp_source = ".."\napp_ref = "HEAD~0"\n'
    (inner / "group_data" / "all.py").write_text(data)
    (one / "app" / ".python-version").write_text("3.12\n")
    done = subprocess.run(
        [sys.executable, "-m", "homeport.cli.main", "export", "container", "production", "--classic"],
        cwd=inner,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "HOME": str(one)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = (one / "app" / "Dockerfile").read_text()
    assert "FROM python:3.12-slim" in text
    assert '\nCOPY [".python-version", "./.python-version"]\nCOPY ["requirements.txt", "./requirements.txt"]\n' in text
    assert "--mount" not in text
    assert "\ndeploy\n" in (one / "app" / ".dockerignore").read_text()


def test_values_of_secrets_are_written_where_git_does_not_look_and_only_when_asked_for(
    homeport: Homeport, one: Path
) -> None:
    done = homeport("export", "compose", "production")
    assert done.returncode == 0, done.stderr
    assert "\nNext, here:\n  homeport export container production\n" in done.stdout
    assert "\nNext, in exports/compose:\n  TAG=v1 docker compose build\n  sh release.sh v1 " in done.stdout
    folder = one / "exports" / "compose"
    assert not (folder / "secrets").exists()
    assert homeport("export", "compose", "production", "--secrets").returncode == 0
    assert (folder / "secrets" / "TOKEN").read_text() == SECRET
    assert (folder / "secrets").stat().st_mode & 0o777 == 0o700
    assert (folder / "secrets" / ".gitignore").read_text() == "*\n"
    assert homeport("export", "compose", "production", "--check").returncode == 0
    says(one, secrets_from_environment=["FROM_PIPELINE"])
    missing = homeport("export", "compose", "production", "--secrets")
    assert missing.returncode == 2
    assert "FROM_PIPELINE is not set, or empty, in the environment of this command" in missing.stderr


def test_values_of_secrets_are_not_written_into_what_an_image_is_built_from(homeport: Homeport, one: Path) -> None:
    done = homeport("export", "compose", "production", "--secrets", "--output", "app/out")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: --secrets: {one / 'app' / 'out' / 'secrets'} lies in the application's folder, so an image would have "
        "the secrets; leave --output out, or name a folder outside of it\n"
    )
    assert not (one / "app" / "out").exists()
    assert homeport("export", "compose", "production", "--secrets", "--output", "elsewhere").returncode == 0
    assert (one / "elsewhere" / "secrets" / "TOKEN").read_text() == SECRET


def test_lists_between_the_repositorys_root_and_the_application_and_a_persons_own_count(
    homeport: Homeport, one: Path
) -> None:
    inner = one / "app" / "services" / "api"
    inner.mkdir(parents=True)
    for path in [path for path in (one / "app").iterdir() if path.name not in (".git", "services")]:
        path.rename(inner / path.name)
    (one / "app" / ".gitignore").write_text("/services/api/private/\n")
    (one / "app" / "services" / ".gitignore").write_text("/api/dump.sql\n")
    (inner / "data").mkdir()
    (inner / "data" / ".gitignore").write_text("*\n!.gitignore\n")
    (one / "group_data" / "all.py").write_text(
        'app_name = "hello"\napp_source = "app"\napp_subdirectory = "services/api"\npython_version = "3.13"\n'
    )
    commit(one / "app")
    done = homeport("export", "container", "production")
    assert (done.returncode, done.stderr) == (0, "")
    lines = (inner / ".dockerignore").read_text().splitlines()
    assert {"private", "dump.sql", "data/**/*", "!data/.gitignore"} <= set(lines)
    (one / "app" / ".git" / "info" / "exclude").write_text("mine.key2\n")
    (inner / "mine.key2").write_text("")
    told = homeport("export", "container", "production", "--check")
    assert told.returncode == 0
    assert told.stderr.startswith(
        "warning: git ignores mine.key2 by a rule that is not in the repository, and an image"
    )


def test_a_cluster_gets_its_secrets_below_the_overlay_and_every_file_is_checked(homeport: Homeport, one: Path) -> None:
    done = homeport("export", "kubernetes", "production", "--secrets")
    assert done.returncode == 0, done.stderr
    folder = one / "exports" / "kubernetes"
    secrets = folder / "overlays" / "production" / "settings" / "secrets"
    assert (secrets / "TOKEN").read_text() == SECRET
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert f"{secrets.relative_to(one)} has the values of 1 secrets" in done.stdout
    assert "\n  sh release.sh TAG\n" in done.stdout
    assert "warning: replicas: with one," in done.stderr
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file() and path.parent != secrets]
    assert not [text for text in texts if SECRET in text]
    assert homeport("export", "kubernetes", "production", "--check").returncode == 0
    says(one, cpu_max=2)
    stale = homeport("export", "kubernetes", "production", "--check")
    assert "exports/kubernetes/manifests/server.yaml is stale: settings or source have changed since" in stale.stdout
    says(one, replicas=2, environment={"DATABASE_URL": "sqlite:///a.db"})
    refused = homeport("export", "kubernetes", "production")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: replicas: environment")


def test_replicas_are_refused_where_one_container_runs(homeport: Homeport, one: Path) -> None:
    says(one, replicas=2)
    done = homeport("export", "compose", "production")
    assert (done.returncode, done.stderr) == (
        2,
        "error: replicas: homeport export compose does not support it: one container runs at a time; "
        "unset it for this export\n",
    )


DIGEST = f"sha256:{'d' * 64}"
# Answers as an engine does that has built and pushed what it was told to.
DOCKER = f"""#!/bin/sh
echo "$*" >>"$(dirname "$0")/calls"
case "$1 $2" in
"push "*) [ ! -e "$(dirname "$0")/away" ] || {{ echo "dial tcp: connection refused" >&2; exit 1; }} ;;
"image inspect") echo '[{{"RepoDigests": ["registry.test/hello@{DIGEST}"], "Created": "2026-11-30T06:00:00Z"}}]' ;;
"run "*) echo '{{"python": [["fastapi", "1", ""]], "debian": [], "system": ["debian", "13"], "version": "3.13.5"}}' ;;
esac
"""


def test_an_image_of_what_is_committed_is_pushed_by_its_release_and_its_digest_is_said(
    homeport: Homeport, one: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(one, image_name="registry.test/hello")
    client = tmp_path / "bin" / "docker"
    client.parent.mkdir()
    client.write_text(DOCKER)
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
    push = ("export", "container", "production", "--push")
    refused = homeport(*push)
    assert (refused.returncode, refused.stderr.splitlines()[-1]) == (
        2,
        "error: --push: app/.container/.gitattributes is missing; export without --push, and commit what it writes",
    )
    homeport("export", "container", "production")
    assert homeport(*push).stderr.splitlines()[-1].startswith("error: --push: the working tree has changes that no ")
    assert not (client.parent / "calls").exists()
    commit(one / "app")
    done = homeport(*push)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"registry.test/hello@{DIGEST}\n"
    [kept] = (one / "exports" / "images").glob("*/")
    assert sorted(path.name for path in kept.iterdir()) == ["image.json", "sbom.cdx.json"]
    assert f"push registry.test/hello:{kept.name}" in (client.parent / "calls").read_text().splitlines()
    assert f"  sh release.sh {DIGEST} " in done.stderr
    (one / "app" / "main.py").write_text((one / "app" / "main.py").read_text() + "# another release\n")
    commit(one / "app")
    assert homeport(*push).returncode == 0
    assert len(list((one / "exports" / "images").glob("*/"))) == 2
    assert (one / "exports" / "images" / ".gitignore").read_text() == "*\n"
    (client.parent / "away").touch()
    away = homeport(*push)
    assert away.returncode == 1
    assert away.stderr.splitlines()[-1].endswith(" cannot be pushed to registry.test: dial tcp: connection refused")


@pytest.mark.parametrize("words", [("kubernetes", "production"), ("container", "production", "--check")])
def test_only_an_image_is_pushed_and_nothing_besides(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, ["export", *words, "--push"])
    assert done.exit_code == 2
    assert "--push: it builds the image of the files in the application's folder" in done.output


def test_a_pin_is_written_to_the_group_data_and_is_what_the_image_is_built_from(
    homeport: Homeport, one: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = tmp_path / "bin" / "docker"
    client.parent.mkdir()
    client.write_text(DOCKER.replace("registry.test/hello@", "python@"))
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
    done = homeport("export", "container", "production", "--pin")
    assert done.returncode == 0, done.stderr
    [line] = (one / "group_data" / "production.py").read_text().splitlines()
    assert re.fullmatch(rf'base_image = "python:3[.]\d+-slim@{DIGEST}"', line)
    assert f"wrote {line} to group_data/production.py" in done.stdout.splitlines()
    image = line.split('"')[1]
    assert f"FROM {image} AS python" in (one / "app" / "Dockerfile").read_text()
    refused = homeport("export", "compose", "production", "--pin")
    assert (refused.returncode, refused.stderr.split(";")[0]) == (
        2,
        "error: --pin: it is for the image of a whole inventory, and writes",
    )
