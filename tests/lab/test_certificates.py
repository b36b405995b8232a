"""Where a site's certificate comes from, and how it goes from one to the next: brought, by HTTP, by DNS.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from homeport.controller.folders import TEMPLATES
from homeport.lab import Lab, dns, processes
from homeport.lab.machine import find_command
from homeport.lab.model import LabHost
from homeport.state.certificate_pair import CertificatePair
from tests.certificates.pairs import Authority
from tests.lab.artefacts import keep
from tests.lab.commands import refusal
from tests.lab.project import Project, Seen
from tests.lab.renewal_authority import an_authority_that_advises
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
FILES = {"tls": "files", "tls_certificate_file": "tls/chain.pem", "tls_key_file": "tls/key.pem"}
BIND = """options { directory "/var/cache/bind"; listen-on port 53 { any; }; recursion no; };
key "homeport" { algorithm hmac-sha256; secret "SECRET"; };
zone "_acme-challenge.NAME" {
    type primary; file "/var/cache/bind/zone"; update-policy { grant homeport zonesub TXT; };
};
"""
ZONE = "$TTL 1\\n@ IN SOA ns. root.ns. 1 60 60 60 1\\n@ IN NS ns.\\n"


@dataclass
class Stage:
    """A machine, a project that deploys to it, and an authority that nobody but the test knows."""

    project: Project
    host: LabHost
    seen: Seen
    authority: Authority = field(default_factory=Authority)

    def bring(self, pair: CertificatePair) -> None:
        """Put a pair where the project looks for it."""
        folder = self.project.folder / "tls"
        folder.mkdir(exist_ok=True)
        (folder / "chain.pem").write_text(pair.chain)
        (folder / "key.pem").write_text(pair.key)

    def served(self, *show: str) -> str:
        """Return what openssl tells of the certificate that is served."""
        connect = ["openssl", "s_client", "-connect", f"{self.host.address}:443", "-servername", self.host.domain]
        shown = subprocess.run(connect, input="", capture_output=True, text=True, check=False).stdout
        return subprocess.run(
            ["openssl", "x509", "-noout", *show], input=shown, capture_output=True, text=True, check=True
        ).stdout.strip()

    def serves(self, pair: CertificatePair) -> bool:
        """Tell whether it is this pair's certificate that is served."""
        told = subprocess.run(
            ["openssl", "x509", "-noout", "-fingerprint"], input=pair.chain, capture_output=True, text=True, check=True
        )
        return self.served("-fingerprint") == told.stdout.strip()

    def asked(self, name: str) -> str | None:
        """Return the status and the target of the health path, with the certificate verified; None: it is not good."""
        given = ["--resolve", f"{name}:443:{self.host.address}", "--cacert", str(self.project.lab.directory.ca_file)]
        command = ["curl", "-s", "-o", os.devnull, "-w", "%{http_code} %{redirect_url}", *given]
        done = subprocess.run([*command, f"https://{name}/health"], capture_output=True, text=True, check=False)
        return done.stdout if not done.returncode else None

    def renewal(self) -> str:
        """Return what Certbot will renew."""
        return self.seen.shell("cat /etc/letsencrypt/renewal/*.conf 2>/dev/null || true")


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("certs")
    folder = tmp_path_factory.mktemp("certs") / "project"
    settings: dict[str, object] = {"tls_profile": "modern", "firewall_open": '["53/udp","53/tcp"]'}
    project = Project.create(folder, lab, "hello", workers=1, watch_seconds=0, **settings)
    yield Stage(project, host, Seen(lab, host))
    lab.remove(host.name)


def test_another_site_with_the_name_is_named_before_anything_changes(stage: Stage) -> None:
    stage.bring(stage.authority.issue(stage.host.domain))
    old = "/etc/nginx/sites-enabled/old"
    site = f"server {{ listen 443 ssl; server_name {stage.host.domain}; ssl_reject_handshake on; }}\n"
    stage.seen.shell(f"mkdir -p {old.rpartition('/')[0]} && printf {shlex.quote(site)} >{old}")
    line = refusal(stage.project.deploy(stage.host, **FILES), 1)
    assert (
        f"domain: {old} has the name {stage.host.domain} on port 443, and Nginx would go on to serve that site" in line
    )
    assert stage.seen.shell("ls /etc/homeport 2>/dev/null || echo nothing") == "nothing"
    stage.seen.shell(f"rm {old}")


def test_a_certificate_that_is_brought_is_served_from_the_first_deploy_on(stage: Stage) -> None:
    pair = stage.authority.issue(stage.host.domain)
    stage.bring(pair)
    said = stage.project.pyinfra(stage.host.name, "-y", "--diff", "-vvv", **FILES)
    assert said.returncode == 0, said.stdout
    assert stage.serves(pair)
    assert stage.renewal() == ""
    assert not any(line in said.stdout for line in pair.key.splitlines()[1:-1])


def test_the_certificates_key_is_roots_alone(stage: Stage) -> None:
    assert stage.seen.shell("stat -L -c '%a %U %G' /etc/homeport/hello/tls/privkey.pem") == "600 root root"
    assert stage.seen.shell("stat -L -c '%a %U %G' /etc/homeport/hello/tls") == "700 root root"


def test_a_second_run_changes_nothing(stage: Stage) -> None:
    said = stage.project.deployed(stage.host, **FILES)
    assert "    Changes" not in said
    assert "point" not in said


def test_sslyze_finds_the_modern_profile_with_a_certificate_that_is_signed_as_it_asks(stage: Stage) -> None:
    trusted = stage.project.folder / "authority.pem"
    trusted.write_text(stage.authority.pem)
    command = [str(Path(sys.executable).with_name("sslyze")), "--mozilla_config", "modern"]
    target = f"{stage.host.domain}:443{{{stage.host.address}}}"
    done = subprocess.run(
        [*command, "--certinfo_ca_file", str(trusted), target], capture_output=True, text=True, check=False
    )
    keep("sslyze-modern.txt", done.stdout)
    assert "OK - Compliant" in done.stdout, done.stdout
    assert done.returncode == 0


def test_the_next_pair_takes_the_first_ones_place(stage: Stage) -> None:
    pair = stage.authority.issue(f"*.{stage.host.domain.partition('.')[2]}")
    stage.bring(pair)
    stage.project.deployed(stage.host, **FILES)
    assert stage.serves(pair)
    assert stage.seen.shell("ls -d /etc/homeport/hello/certificate-* | wc -l") == "1"


def test_a_pair_that_cannot_serve_the_site_is_refused_before_anything_changes(stage: Stage) -> None:
    serial, good = stage.served("-serial"), stage.authority.issue(stage.host.domain)
    other = stage.authority.issue(stage.host.domain)
    for pair, problem in {
        replace(good, key=other.key): "tls_key_file: the key belongs to another certificate",
        stage.authority.issue(stage.host.domain, days=0): "tls_certificate_file: it expired on",
        stage.authority.issue("other.example.com"): f"and not for {stage.host.domain}",
    }.items():
        stage.bring(pair)
        line = refusal(stage.project.deploy(stage.host, **FILES), 2)
        assert problem in line
    assert stage.served("-serial") == serial


def test_a_lineage_of_somebody_else_with_the_applications_name_is_left_alone(stage: Stage) -> None:
    theirs = "/etc/letsencrypt/renewal/hello.conf"
    stage.seen.shell(f"mkdir -p /etc/letsencrypt/renewal && printf 'authenticator = nginx\n' >{theirs}")
    line = refusal(stage.project.deploy(stage.host), 1)
    assert "Certbot has a certificate hello on this host that is not homeport's, and would be overwritten" in line
    stage.bring(stage.authority.issue(stage.host.domain))
    stage.project.deployed(stage.host, **FILES)
    assert stage.renewal() == "authenticator = nginx"
    stage.seen.shell(f"rm {theirs}")


def test_an_authority_takes_over_and_the_brought_key_is_gone(stage: Stage) -> None:
    # What others have set for Certbot on this machine would keep the authority from seeing the name.
    hooks, cli = "/etc/letsencrypt/renewal-hooks", "authenticator = standalone\npre-hook = systemctl stop nginx\n"
    stage.seen.shell(f"printf {shlex.quote(cli)} >/etc/letsencrypt/cli.ini; mkdir -p {hooks}/pre")
    stage.seen.shell(f"printf '#!/bin/sh\nsystemctl stop nginx\n' >{hooks}/pre/stop; chmod +x {hooks}/pre/stop")
    stage.project.deployed(stage.host, acme_key_curve="secp384r1")
    assert stage.seen.answers()
    assert "NIST CURVE: P-384" in stage.served("-text")
    assert stage.seen.shell("ls -d /etc/homeport/hello/certificate-* 2>/dev/null || echo none") == "none"
    assert stage.project.deployed(stage.host, acme_key_curve="secp384r1").count("obtain") == 0


def test_another_curve_is_another_certificate(stage: Stage) -> None:
    stage.project.deployed(stage.host)
    assert "NIST CURVE: P-256" in stage.served("-text")
    assert "elliptic_curve = secp256r1" in stage.renewal()


def test_names_that_come_and_go_bring_a_new_certificate_each_time(stage: Stage) -> None:
    alias = f"www.{stage.host.domain}"
    stage.project.deployed(stage.host, domain_aliases=alias)
    assert f"DNS:{alias}" in stage.served("-ext", "subjectAltName")
    assert stage.seen.answers()
    stage.project.deployed(stage.host)
    assert alias not in stage.served("-ext", "subjectAltName")
    assert alias not in stage.seen.shell("certbot certificates 2>/dev/null")
    assert "unrecognized" in stage.seen.curl("/", "-v", name=alias).stderr.lower()


def test_an_authority_that_says_when_to_renew_is_heard(stage: Stage, tmp_path: Path) -> None:
    # One of somebody else's cannot be renewed here, and is no failure of the renewal; who deploys is told.
    theirs = "/etc/letsencrypt/renewal/mail.example.com.conf"
    stage.seen.shell(f"printf 'version = 5.8.0\n[renewalparams]\nauthenticator = dns-elsewhere\n' >{theirs}")
    with an_authority_that_advises(stage.project.lab, tmp_path) as advice:
        said = stage.project.deployed(stage.host, acme_directory_url=advice.url)
        assert "warning: nobody renews Certbot's certificate mail.example.com, which is not homeport's" in said
        serial = stage.served("-serial")
        stage.seen.shell("systemctl start homeport-renew.service")
        assert stage.served("-serial") == serial
        # Long before a third of the lifetime is all that is left: a revocation of many certificates, say.
        advice.due = -timedelta(days=1)
        stage.seen.shell("systemctl start homeport-renew.service")
        assert stage.served("-serial") != serial
        assert len(advice.asked) == 2
    assert stage.seen.property("homeport-renew.service", "Result") == "success"
    assert stage.seen.property("nginx.service", "ActiveState") == "active"
    # Who runs `certbot` by hand gets all that was set for it.
    stage.seen.shell(f"rm {theirs} /etc/letsencrypt/cli.ini /etc/letsencrypt/renewal-hooks/pre/stop")


def test_a_profile_is_asked_for_and_noted_for_renewals(stage: Stage) -> None:
    serial = stage.served("-serial")
    stage.project.deployed(stage.host, acme_profile="shortlived")
    assert stage.served("-serial") != serial
    assert "required_profile = shortlived" in stage.renewal()
    assert stage.project.deployed(stage.host, acme_profile="shortlived").count("obtain") == 0


def test_names_are_proven_by_dns_where_the_host_cannot_be_reached(stage: Stage, tmp_path: Path) -> None:
    secret = "c2VudGluZWwtdHNpZy1rZXktb2YtdGhpcy10ZXN0IQ=="
    name_server(stage, secret)
    data = dns_settings(stage, secret, tmp_path)
    credentials = (stage.project.folder / "dns.ini").read_text()
    (stage.project.folder / "dns.ini").write_text(credentials.replace(secret, "d3Jvbmc="))
    before = stage.served("-serial")
    # An authority may take a name as proven for an account that has proven it before.
    stage.seen.shell("rm -rf /etc/letsencrypt/accounts")
    line = refusal(stage.project.deploy(stage.host, **data), 1)
    assert "the names cannot be proven by DNS" in line
    assert stage.served("-serial") == before
    (stage.project.folder / "dns.ini").write_text(credentials)
    said = stage.project.pyinfra(stage.host.name, "-y", "--diff", "-vvv", **data)
    keep("dns-01.txt", said.stdout)
    assert said.returncode == 0, said.stdout
    assert secret not in said.stdout
    assert "authenticator = dns-rfc2136" in stage.renewal()
    assert stage.seen.answers()
    assert stage.seen.shell("stat -c '%a %U %G' /etc/homeport/hello/acme-dns.ini") == "600 root root"
    assert "_acme-challenge" in stage.seen.shell("journalctl -u named -o cat | grep -i 'adding an RR'")
    # Renewals go the same way, with nobody's help, and another run has nothing to do.
    serial = stage.served("-serial")
    stage.seen.shell("certbot renew --force-renewal --no-random-sleep-on-renew")
    assert stage.served("-serial") != serial
    assert "install" not in stage.project.deployed(stage.host, **data)
    check_names_with_a_star(stage, data)


def check_names_with_a_star(stage: Stage, data: dict[str, object]) -> None:
    domain, star = stage.host.domain, f"*.{stage.host.domain}"
    # The authority is not asked for what the star stands for.
    known = {**data, "served_domains": star, "domain_aliases": f"www.{domain}"}
    stage.project.deployed(stage.host, **known)
    assert sorted(re.findall(r"DNS:(\S+?)(?:,|$)", stage.served("-ext", "subjectAltName"))) == [star, domain]
    assert stage.asked(f"a.{domain}") == "200 "
    assert stage.asked(f"www.{domain}") == f"308 https://{domain}/health"
    assert stage.asked(f"a.b.{domain}") is None
    assert "    Changes" not in stage.project.deployed(stage.host, **known)


def name_server(stage: Stage, secret: str) -> None:
    """Run a name server on the machine that has the zone of its challenges, and have the lab's ask it for them."""
    name, lab = stage.host.domain, stage.project.lab
    configuration = BIND.replace("SECRET", secret).replace("NAME", name)
    stage.seen.shell(
        "export DEBIAN_FRONTEND=noninteractive; apt-get install -qq --no-install-recommends bind9 >/dev/null 2>&1; "
        f"printf {shlex.quote(ZONE)} >/var/cache/bind/zone; chown bind: /var/cache/bind/zone; "
        f"printf %s {shlex.quote(configuration)} >/etc/bind/named.conf; systemctl restart named"
    )
    context = lab.context()
    file = context.directory.path / "dnsmasq.conf"
    processes.end(context.id, dns.PURPOSE, grace_seconds=0)
    file.write_text(f"{file.read_text()}server=/_acme-challenge.{name}/{stage.host.address}\n")
    command = [find_command("dnsmasq") or "dnsmasq", "--keep-in-foreground", f"--conf-file={file}"]
    processes.start(context.id, dns.PURPOSE, command, log=context.log(dns.PURPOSE))


def dns_settings(stage: Stage, secret: str, folder: Path) -> dict[str, object]:
    """Return the settings of the plugin, with its lock made as a user makes it and its credentials in the project."""
    (folder / "plugin.in").write_text("certbot-dns-rfc2136==5.8.0\n")
    lock = ["uv", "pip", "compile", "-q", "--universal", "--python-version", "3.11", "--generate-hashes"]
    constraint = ["-c", str(TEMPLATES / "tools" / "requirements.txt"), "--no-emit-index-url", "plugin.in"]
    tools = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    target = stage.project.folder / "plugin.txt"
    subprocess.run([*lock, *constraint, "-o", str(target)], cwd=folder, env=tools, check=True)
    (stage.project.folder / "dns.ini").write_text(
        f"dns_rfc2136_server = {stage.host.address}\ndns_rfc2136_name = homeport\n"
        f"dns_rfc2136_secret = {secret}\ndns_rfc2136_algorithm = HMAC-SHA256\n"
    )
    return {
        "acme_dns_plugin": "certbot-dns-rfc2136",
        "acme_dns_requirements_file": "plugin.txt",
        "acme_dns_credentials_file": "dns.ini",
        "acme_dns_propagation_seconds": 1,
    }


def test_a_provided_certificate_ends_certbots_renewals(stage: Stage) -> None:
    pair = stage.authority.issue(stage.host.domain)
    stage.bring(pair)
    stage.project.deployed(stage.host, **FILES)
    assert stage.serves(pair)
    assert stage.renewal() == ""
    assert stage.seen.shell("ls /etc/letsencrypt/live /etc/letsencrypt/archive | grep hello || echo none") == "none"
    assert stage.seen.shell("ls /etc/homeport/hello/acme-dns.ini 2>/dev/null || echo none") == "none"
    assert "    Changes" not in stage.project.deployed(stage.host, **FILES)
