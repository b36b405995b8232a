"""What auditors' tools say of the TLS that a host speaks, and that plain HTTP and unknown names get nowhere.

One machine of each suite has two applications: `hello` with the intermediate profile and `strict` with the modern one.
Nginx takes the protocols of a handshake from the default server of the address, which both share.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.artefacts import keep
from tests.lab.project import Project, Seen
from tests.lab.seasoned import Seasoned
from tests.tiers import SUITES

pytestmark = [pytest.mark.lab, pytest.mark.either_suite]
SSLYZE = Path(sys.executable).with_name("sslyze")
TWO_YEARS = 63072000
HEADER_OF_ITS_OWN = {
    "nginx/site.conf": """{% extends "homeport/nginx/site.conf" %}
{% block server %}
    location /own {
        add_header Cache-Control no-store always;
{% include "nginx/headers.conf" %}
        return 200 own;
    }
{% endblock %}
""",
    "haproxy/site.cfg": """{% extends "homeport/haproxy/site.cfg" %}
{% block limits %}
{{ super() }}
    http-request return status 200 content-type text/plain string own hdr Cache-Control no-store if { path /own }
{% endblock %}
""",
    "caddy/site.caddy": """{% extends "homeport/caddy/site.caddy" %}
{% block backend %}
        handle /own {
            header Cache-Control no-store
            respond own
        }
{% endblock %}
""",
    "traefik/site.yaml": """{% extends "homeport/traefik/site.yaml" %}
{% block routers %}
    own:
      entryPoints: [https]
      rule: Host(`{{ names[0] }}`) && Path(`/own`)
      priority: 9000
      middlewares: [own-headers, own-path, {{ app }}]
      service: noop@internal
      tls:
        options: {{ app }}
{% endblock %}
{% block middlewares %}
    own-headers:
      headers:
        customResponseHeaders:
          Cache-Control: no-store
    own-path:
      replacePath:
        path: /health
{% endblock %}
""",
}
# One of each part of the report, so that a run that was broken off is none that has found nothing.
REPORTED = {"TLS1_2", "TLS1_3", "cipherlist_NULL", "FS", "cert_chain_of_trust", "HSTS_time", "heartbleed", "RC4"}
REPORTED |= {"overall_grade"}
# What is the lab's authority's and its name server's to do, and the first one about testssl's own machine.
NOT_THE_HOSTS = {"engine_problem", "cert_revocation", "DNS_CAArecord"}


@dataclass
class Stage:
    """A machine with two sites, the project of the first, and testssl at work on it where that gives a grade."""

    project: Project
    host: LabHost
    seen: Seen
    testssl: subprocess.Popen[str] | None = None

    def has(self, proxy: str) -> bool:
        """Tell whether that is the machine's proxy."""
        return self.host.name.endswith(f"-{proxy}")

    @property
    def strict(self) -> str:
        return f"strict.{self.host.domain}"

    @property
    def alias(self) -> str:
        return f"www.{self.host.domain}"

    def sslyze(self, name: str, profile: str) -> list[str]:
        """Return what keeps the site from being compliant with Mozilla's profile, by sslyze; keep all that it says."""
        ca = self.project.lab.directory.ca_file
        command = [str(SSLYZE), "--mozilla_config", profile, "--certinfo_ca_file", str(ca)]
        target = f"{name}:443{{{self.host.address}}}"
        done = subprocess.run([*command, target], capture_output=True, text=True, check=False)
        keep(f"sslyze-{self.host.name}-{name.split('.')[0]}-{profile}.txt", done.stdout)
        assert "Checking results against Mozilla" in done.stdout, done.stdout + done.stderr
        findings = [line.strip(" *") for line in done.stdout.splitlines() if line.startswith("        * ")]
        assert (done.returncode == 0) == (not findings) == ("OK - Compliant" in done.stdout)
        return findings

    def headers(self, path: str, *options: str, name: str = "") -> dict[str, str]:
        """Return the headers of an answer, whatever its status, which is under `status`."""
        told = self.seen.curl(path, "-o", "/dev/null", "-D", "-", "--http1.1", *options, name=name).stdout
        first, *lines = told.strip().splitlines()
        found = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        return {**found, "status": first.split()[1]}


@pytest.fixture(
    scope="module",
    params=[
        "bookworm",
        "trixie",
        *(
            pytest.param(f"{one}-{its}", marks=pytest.mark.sampled(its))
            for its in ("haproxy", "caddy")
            for one in SUITES
        ),
        pytest.param("trixie-traefik", marks=pytest.mark.sampled("traefik")),
    ],
)
def stage(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned
) -> Iterator[Stage]:
    suite, _, proxy = request.param.partition("-")
    host = seasoned.add(f"tls-{request.param}", suite)
    folder, seen = tmp_path_factory.mktemp(request.param), Seen(lab, host)
    its = {"domain_aliases": f"www.{host.domain}", "watch_seconds": 0, **({"proxy": proxy} if proxy else {})}
    if proxy:
        seen.shell("systemctl -q disable --now nginx")
    project = Project.create(folder / "hello", lab, "hello", **its)
    for name, text in HEADER_OF_ITS_OWN.items():
        project.override(name, text)
    project.deployed(host)
    stage = Stage(project, host, seen)
    if suite == "trixie" and is_graded(request):
        stage.testssl = begin_testssl(stage)
    strict = {"domain": stage.strict, "tls_profile": "modern", "port_blue": 8011, "port_green": 8012}
    second = Project.create(folder / "strict", lab, "hello", app_name="strict", watch_seconds=0, **strict)
    second.deployed(host)
    yield stage
    lab.remove(host.name)


def is_graded(request: pytest.FixtureRequest) -> bool:
    """Tell whether the run has the test of this machine's grade, for which testssl works beside the others."""
    name = f"{test_testssl_gives_the_best_grade_and_finds_nothing_else.__name__}[{request.param}]"
    return any(item.name == name and item.path == request.path for item in request.session.items)


def begin_testssl(stage: Stage) -> subprocess.Popen[str]:
    """Begin a run of testssl on the machine itself: Debian 13's gives a grade, Debian 12's does not.

    Everything but the simulation of clients, which has no findings and takes half of the time.
    """
    directory, host = stage.project.lab.directory, stage.host
    ca = directory.ca_file.read_text()
    script = (
        f"export DEBIAN_FRONTEND=noninteractive TERM=dumb; cat >/run/ca.pem <<'PEM'\n{ca}\nPEM\n"
        "apt-get install -qq --no-install-recommends testssl.sh >/run/apt 2>&1 || { cat /run/apt; exit 1; }\n"
        f"rm -f /run/testssl.json; testssl --quiet --color 0 --warnings off --add-ca /run/ca.pem --ip {host.address} "
        f"--jsonfile /run/testssl.json -p -s -f -P -S -h -U {host.domain}"
    )
    command = [
        "ssh",
        "-F",
        "none",
        "-i",
        str(directory.key_file),
        "-o",
        f"UserKnownHostsFile={directory.known_hosts_file}",
    ]
    command += ["-o", "StrictHostKeyChecking=yes", "-p", str(host.port), f"{host.user}@{host.address}", "sudo sh -s"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdin
    process.stdin.write(script)
    process.stdin.close()
    process.stdin = None
    return process


def test_sslyze_finds_the_intermediate_profile(stage: Stage) -> None:
    for name in (stage.host.domain, stage.alias):
        assert stage.sslyze(name, "intermediate") == []


def test_sslyze_finds_the_modern_profile_beside_a_site_with_the_intermediate_one(stage: Stage) -> None:
    # The lab's authority signs with RSA, which is for the authority to change.
    [finding] = stage.sslyze(stage.strict, "modern")
    assert finding.startswith("certificate_signatures: ")


def test_the_modern_site_is_not_reached_by_an_older_protocol(stage: Stage) -> None:
    assert stage.seen.curl("/health", "--fail", "--tlsv1.3", name=stage.strict).returncode == 0
    assert stage.seen.curl("/health", "--tls-max", "1.2", name=stage.strict).returncode == 35
    # Nor through a connection that was opened for its neighbour.
    neighbour = ("--tls-max", "1.2", "-H", f"Host: {stage.strict}")
    assert stage.headers("/health", *neighbour)["status"] == "421"
    assert stage.headers("/health", "--tls-max", "1.2")["status"] == "200"


def test_every_answer_over_tls_asks_for_https_for_two_years(stage: Stage) -> None:
    answers = {
        "200": stage.headers("/health"),
        "404": stage.headers("/nowhere"),
        "405": stage.headers("/", "-X", "DELETE"),
        "413": stage.headers("/", "-X", "POST", "-H", "Content-Length: 999999999"),
        "308": stage.headers("/x", name=stage.alias),
        "own": stage.headers("/own"),
    }
    for status, answer in answers.items():
        assert answer["status"] == {"own": "200"}.get(status, status)
        wish = answer["strict-transport-security"].split(";")[0]
        assert int(wish.removeprefix("max-age=")) >= TWO_YEARS, status
    assert answers["own"]["cache-control"] == "no-store"


def test_plain_http_redirects_and_answers_challenges_and_nothing_else(stage: Stage) -> None:
    place = "/var/www/homeport-acme/.well-known/acme-challenge"
    stage.seen.shell(f"mkdir -p {place}; printf token.thumbprint >{place}/token")
    address = f"http://{stage.host.address}"

    def plain(path: str, name: str, *options: str) -> str:
        told = ("-s", "-m", "10", "-w", " %{http_code} %{redirect_url}", "-H", f"Host: {name}")
        return subprocess.run(["curl", *told, *options, address + path], capture_output=True, text=True).stdout.strip()

    for name in (stage.host.domain, stage.alias):
        assert plain("/.well-known/acme-challenge/token", name) == "token.thumbprint 200"
        for method in ("GET", "POST", "DELETE"):
            answer = plain("/a?b=c", name, "-X", method, "-o", "/dev/null")
            assert answer == f"308 https://{stage.host.domain}/a?b=c"
    assert plain("/", "unknown.example") == "000"
    stage.seen.shell(f"rm {place}/token")


def test_an_unknown_name_or_none_is_refused_in_the_handshake(stage: Stage) -> None:
    for options in (["-servername", "unknown.example"], ["-noservername"]):
        connect = ["openssl", "s_client", "-connect", f"{stage.host.address}:443", *options]
        done = subprocess.run(connect, input="", capture_output=True, text=True, check=False)
        assert ("internal error" if stage.has("caddy") else "unrecognized name") in done.stdout + done.stderr
        assert "BEGIN CERTIFICATE" not in done.stdout


def test_the_canonical_name_is_where_the_others_lead(stage: Stage) -> None:
    assert stage.headers("/a?b=c", name=stage.alias)["location"] == f"https://{stage.host.domain}/a?b=c"


def test_keys_are_exchanged_by_the_best_group_that_the_system_has(stage: Stage) -> None:
    # Caddy 2.6 knows no other group.
    hybrid = stage.host.suite == "trixie" and not stage.has("caddy")
    best = "Negotiated TLS1.3 group: X25519MLKEM768" if hybrid else "Temp Key: X25519"
    for name in (stage.host.domain, stage.strict):
        # The machine's own OpenSSL asks, since the one here may know less.
        asked = f"openssl s_client -connect 127.0.0.1:443 -servername {name} </dev/null 2>&1"
        assert best in stage.seen.shell(asked)
        # A client that knows no hybrid group is served all the same.
        assert "Temp Key: X25519" in stage.seen.shell(f"{asked} -groups X25519")


def test_http2_is_spoken(stage: Stage) -> None:
    assert stage.seen.curl("/health", "-o", "/dev/null", "-w", "%{http_version}").stdout == "2"


def test_testssl_gives_the_best_grade_and_finds_nothing_else(stage: Stage) -> None:
    if stage.testssl is None:
        pytest.skip("Debian 12's testssl.sh gives no grade")
    said = stage.testssl.communicate(timeout=600)[0]
    keep(f"testssl-{stage.host.name}.txt", said)
    # Judged by its report: its exit status counts connections that came to nothing, which happens beside other work.
    found = stage.seen.shell("cat /run/testssl.json || echo '[]'")
    keep(f"testssl-{stage.host.name}.json", found)
    results = {one["id"]: one for one in json.loads(found)}
    assert set(results) >= REPORTED, said
    assert results["overall_grade"]["finding"] == "A+"
    assert int(results["HSTS_time"]["finding"].split()[0]) * 86400 >= TWO_YEARS
    bad = {key for key, one in results.items() if one["severity"] not in ("OK", "INFO")} - NOT_THE_HOSTS
    # A connection of testssl's that came to nothing beside other work tells nothing, unless it is one of those above.
    unknown = {key for key in bad if "connect problem" in results[key]["finding"]} - REPORTED
    # Go's, which cannot be chosen: SHA-1 with TLS 1.2, and tickets of a week, whose keys Caddy changes twice a day.
    its = {"FS_TLS12_sig_algs", "TLS_session_ticket"} if stage.has("caddy") else set()
    assert [results[key] for key in sorted(bad - unknown - its)] == []
