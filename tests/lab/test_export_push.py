"""`homeport export container --push` with a registry of the lab's own: Debian's, beside the engine."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bcrypt
import pytest

from homeport.lab import Lab
from tests.lab.containers import Engine, engine
from tests.lab.exported import BASE, SENTINEL, Exported, buildkit_client, export_options, make_base
from tests.lab.project import until

pytestmark = pytest.mark.lab
# An engine takes a registry without TLS on its own loopback.
REGISTRY = "localhost:5000"
NAME = f"{REGISTRY}/team/notes"
USER, PASSWORD = "pipeline", "of-the-pipeline"
CONFIGURATION = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/data}}}}
http: {{addr: "127.0.0.1:5000"}}
auth: {{htpasswd: {{realm: lab, path: {folder}/htpasswd}}}}
"""


# A build finds the lab's cache of packages by a name that only it knows.
CLIENT = """\
#!/bin/sh
if [ "$1" = build ]; then
    shift
    exec {program} build {names} "$@"
fi
exec {program} "$@"
"""


def client() -> str:
    found = buildkit_client() or shutil.which("docker")
    assert found
    return found


@pytest.fixture(scope="module")
def docker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("docker")
    with engine(lab, folder) as found:
        make_base(found, lab)
        yield found


@pytest.fixture(scope="module")
def registry(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[bytes]]:
    """Debian's registry in the engine's network, which asks for a password."""
    folder = tmp_path_factory.mktemp("registry")
    subprocess.run(["apt-get", "-qq", "download", "docker-registry"], cwd=folder, check=True, capture_output=True)
    [package] = folder.glob("docker-registry_*.deb")
    subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (folder / "htpasswd").write_text(f"{USER}:{hashed}\n")
    (folder / "config.yml").write_text(CONFIGURATION.format(folder=folder))
    daemon = (docker.socket.parent / "pid").read_text().strip()
    program = ["nsenter", f"--net=/proc/{daemon}/ns/net", str(folder / "usr/bin/docker-registry")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*program, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        assert until(lambda: b"listening on" in (folder / "log").read_bytes())
        yield process
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def exported(lab: Lab, docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The project, whose exported files are committed; its client has a login of its own."""
    found = Exported.create(tmp_path_factory.mktemp("project") / "project", lab, docker)
    own_platform = docker.docker("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}").stdout.strip()
    found.settings(image_name=NAME, platforms=[own_platform] if buildkit_client() else [])
    found.homeport("export", "container", "production", *export_options())
    found.project.commit("exported")
    login = tmp_path_factory.mktemp("login")
    (login / "docker").write_text(CLIENT.format(program=client(), names=" ".join(docker.names)))
    (login / "docker").chmod(0o755)
    own = {"DOCKER_CONFIG": str(login), "PATH": f"{login}:{found.environment['PATH']}"}
    return replace(found, environment={**found.environment, **own})


def push(exported: Exported) -> subprocess.CompletedProcess[str]:
    words = ["homeport.cli.main", "export", "container", "production", "--push", *export_options()]
    command = [sys.executable, "-m", *words]
    folder, own = exported.project.folder, dict(exported.environment)
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, check=False)


def test_a_registry_that_wants_a_login_is_one_line(exported: Exported, registry: subprocess.Popen[bytes]) -> None:
    done = push(exported)
    assert done.returncode == 1, done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"error: {REGISTRY} does not take {NAME}:")
    assert line.endswith(f"docker login {REGISTRY}")
    assert not (exported.project.folder / "exports" / "images").exists()


def test_a_pushed_image_runs_by_its_digest_and_has_an_sbom_beside_it(
    exported: Exported, registry: subprocess.Popen[bytes]
) -> None:
    login = {"auths": {REGISTRY: {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}}}
    (Path(exported.environment["DOCKER_CONFIG"]) / "config.json").write_text(json.dumps(login))
    done = push(exported)
    assert done.returncode == 0, done.stderr
    reference = done.stdout.strip()
    assert reference.startswith(f"{NAME}@sha256:")
    [kept] = (exported.project.folder / "exports" / "images").glob("*/")
    described = json.loads((kept / "image.json").read_text())
    assert described["image"] == reference
    docker = exported.engine.docker
    # What is here already is taken away, so that it comes from the registry.
    docker("image", "rm", "--force", f"{NAME}:{kept.name}")
    subprocess.run(
        ["docker", "--host", f"unix://{exported.engine.socket}", "pull", "--quiet", reference],
        env=dict(exported.environment),
        check=True,
        capture_output=True,
    )
    shown = docker("run", "--rm", "--env", f"TOKEN={SENTINEL}", reference, "env").stdout
    assert f"HOMEPORT_RELEASE={kept.name}" in shown.splitlines()
    found = json.loads((kept / "sbom.cdx.json").read_text())
    names = {one["name"] for one in found["components"]}
    assert {"fastapi", "SQLAlchemy"} <= names
    assert "libc6" in names
    assert found["metadata"]["component"]["version"] == kept.name


def test_a_base_image_is_pinned_by_the_digest_that_the_registry_has(
    exported: Exported, registry: subprocess.Popen[bytes], lab: Lab, tmp_path: Path
) -> None:
    other = replace(Exported.create(tmp_path / "project", lab, exported.engine), environment=exported.environment)
    base = f"{REGISTRY}/team/base:stable"
    client_of = ["docker", "--host", f"unix://{exported.engine.socket}"]
    for words in (["tag", BASE, base], ["push", "--quiet", base]):
        subprocess.run([*client_of, *words], env=dict(exported.environment), check=True, capture_output=True)
    other.settings(base_image=base)
    said = other.homeport("export", "container", "production", "--pin", *export_options())
    digests = exported.engine.docker("image", "inspect", "--format", "{{json .RepoDigests}}", base).stdout
    [digest] = [one.partition("@")[2] for one in json.loads(digests) if one.startswith(f"{REGISTRY}/team/base@")]
    assert f'wrote base_image = "{base}@{digest}" to group_data/production.py' in said
    assert f"FROM {base}@{digest} AS python" in (other.project.app / "Dockerfile").read_text()
    other.build("pinned")


def test_the_same_code_is_the_same_release_and_a_registry_that_is_away_is_one_line(
    exported: Exported, registry: subprocess.Popen[bytes]
) -> None:
    images = exported.project.folder / "exports" / "images"
    before = {path.name: (path / "sbom.cdx.json").read_text() for path in images.glob("*/")}
    assert push(exported).returncode == 0
    assert {path.name: (path / "sbom.cdx.json").read_text() for path in images.glob("*/")} == before
    registry.terminate()
    registry.wait()
    done = push(exported)
    assert done.returncode == 1
    assert " cannot be pushed to " in done.stderr.splitlines()[-1]
