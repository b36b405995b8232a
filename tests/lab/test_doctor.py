"""`homeport doctor` on a real machine: what is wrong around the application is named, and nothing else is blamed.

Each fault is undone after it; what is wrong with the application itself is in test_doctor_application.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from homeport.lab import Lab, dns, names, processes
from homeport.lab.machine import run
from tests.certificates.pairs import NOW, Authority
from tests.lab.artefacts import keep
from tests.lab.commands import homeport, settle_data
from tests.lab.patient import Faults, Patient
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
faults = Faults()


@pytest.fixture(scope="module")
def patient(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Patient]:
    patient = Patient.create(lab, tmp_path_factory.mktemp("doctor"), seasoned, "doctor")
    yield patient
    lab.remove(patient.seen.host.name)


@faults.add("dns_missing", "doctor.lab.test")
def dns_gone(patient: Patient) -> Iterator[None]:
    lab = patient.seen.lab
    dns.ensure(lab.context(), ())
    yield
    dns.ensure(lab.context(), lab.directory.load().hosts)


@faults.add("dns_elsewhere", "not one of this machine's addresses")
def dns_leads_elsewhere(patient: Patient) -> Iterator[None]:
    lab = patient.seen.lab
    dns.ensure(lab.context(), [replace(patient.seen.host, address=lab.context().network.gateway)])
    yield
    dns.ensure(lab.context(), lab.directory.load().hosts)


@faults.add("resolver_broken", "does not answer")
def name_server_down(patient: Patient) -> Iterator[None]:
    lab = patient.seen.lab
    processes.end(lab.context().id, dns.PURPOSE)
    yield
    dns.ensure(lab.context(), lab.directory.load().hosts)


@faults.add("port_closed", "inet block input")
def ports_closed_by_a_firewall(patient: Patient) -> Iterator[None]:
    chain = "'{ type filter hook input priority -10; }'"
    patient.seen.shell(
        f"nft add table inet block; nft add chain inet block input {chain}; "
        "nft add rule inet block input iifname != lo tcp dport '{ 80, 443 }' drop"
    )
    yield
    patient.seen.shell("nft delete table inet block")


@faults.add("firewall_changed", "homeport's firewall: somebody has changed it")
def own_firewall_changed(patient: Patient) -> Iterator[None]:
    patient.seen.shell("nft insert rule inet homeport input tcp dport 443 reject")
    yield
    patient.seen.shell("systemctl reload homeport-access")


@faults.add("certificate_expired", "expired 30 days ago")
def certificate_expired(patient: Patient) -> Iterator[None]:
    pair = Authority().issue(patient.seen.host.domain, days=60, begins=NOW - timedelta(days=90))
    folder = "/etc/homeport/notes/old"
    before = patient.seen.shell("readlink /etc/homeport/notes/tls")
    patient.seen.shell(
        f"mkdir -m 700 {folder}; cat >{folder}/fullchain.pem <<'END'\n{pair.chain}\nEND\n"
        f"cat >{folder}/privkey.pem <<'END'\n{pair.key}\nEND\n"
        f"ln -sfn {folder} /etc/homeport/notes/tls; systemctl reload nginx"
    )
    yield
    patient.seen.shell(f"ln -sfn {before} /etc/homeport/notes/tls; systemctl reload nginx; rm -r {folder}")


@faults.add("renewal_off", "homeport-renew.timer is inactive and disabled")
def renewal_timer_off(patient: Patient) -> Iterator[None]:
    patient.seen.shell("systemctl disable -q --now homeport-renew.timer")
    yield
    patient.seen.shell("systemctl enable -q --now homeport-renew.timer")


@faults.add("proxy_down", "dead since")
def nginx_stopped(patient: Patient) -> Iterator[None]:
    patient.seen.shell("systemctl stop nginx")
    yield
    patient.seen.shell("systemctl start nginx")


@faults.add("proxy_config", 'unknown directive "nonsense"')
def nginx_misconfigured(patient: Patient) -> Iterator[None]:
    patient.seen.shell("echo 'nonsense on;' >/etc/nginx/conf.d/x.conf; systemctl restart nginx || :")
    yield
    patient.seen.shell("rm /etc/nginx/conf.d/x.conf; systemctl restart nginx")


@faults.add("proxy_edited", "the site says 9999 for slot blue, the slot has 8001")
def upstream_wrong(patient: Patient) -> Iterator[None]:
    patient.seen.shell("sed -i s/8001/9999/ /etc/nginx/homeport/notes.conf; systemctl reload nginx")
    yield
    patient.seen.shell("sed -i s/9999/8001/ /etc/nginx/homeport/notes.conf; systemctl reload nginx")


@faults.add("proxy_rival", "/etc/nginx/sites-enabled/old has doctor.lab.test on port 443")
def another_site_has_the_name(patient: Patient) -> Iterator[None]:
    tls = "/etc/homeport/notes/tls"
    patient.seen.shell(f"""cat >/etc/nginx/sites-enabled/old <<'END'
server {{
    listen 443 ssl;
    server_name www.example.com {patient.seen.host.domain};
    ssl_certificate {tls}/fullchain.pem;
    ssl_certificate_key {tls}/privkey.pem;
    return 404;
}}
END
systemctl reload nginx""")
    yield
    patient.seen.shell("rm /etc/nginx/sites-enabled/old; systemctl reload nginx")


@faults.add("clock_off", "24 hours ahead of")
def clock_off_by_a_day(patient: Patient) -> Iterator[None]:
    # Containers share their kernel's clock: what the doctor's programs read on the host is moved instead.
    patient.seen.shell("apt-get -qq update && apt-get -qq install -y libfaketime >/dev/null")
    library = patient.seen.shell("find /usr/lib -name libfaketime.so.1")
    place = "/usr/local/bin/python3"
    patient.seen.shell(
        f"printf '#!/bin/sh\\nLD_PRELOAD={library} FAKETIME=+1d exec /usr/bin/python3 \"$@\"\\n' >{place}; "
        f"chmod 755 {place}"
    )
    yield
    patient.seen.shell(f"rm {place}")


@faults.add("deploys_held", "the database moves")
def deploys_held(patient: Patient) -> Iterator[None]:
    program = "/usr/local/lib/homeport/homeport-host"
    patient.seen.shell(f"{program} hold --app notes --by carol --message 'the database moves'")
    yield
    patient.seen.shell(f"{program} unhold --app notes")


@faults.add("maintenance_on", "carol")
def visitors_kept_out(patient: Patient) -> Iterator[None]:
    note = "/etc/homeport/notes/maintenance.json"
    patient.seen.shell(f"""echo '{{"by": "carol"}}' >{note}""")
    yield
    patient.seen.shell(f"rm {note}")


@faults.add("deploy_running", "held by a deploy of carol")
def lock_held(patient: Patient) -> Iterator[None]:
    lock = "/run/homeport/notes.deploy.lock"
    patient.seen.shell(f"""systemd-run -q --unit=holder flock {lock} sleep 600; sleep 0.5; cat >{lock} <<'END'
{{"by": "carol", "action": "deploy", "ref": "main", "since": "2026-01-01T03:00:00Z"}}
END""")
    yield
    patient.seen.shell("systemctl stop holder")


@faults.add("ssh_closed", "refused")
def ssh_shut(patient: Patient) -> Iterator[None]:
    # From outside, since nobody could come in any more to undo it.
    inside = ["ip", "netns", "exec", names.namespace(patient.seen.lab.id, patient.seen.host.name), "nft"]
    rule = "type filter hook input priority -10; tcp dport 22 ct state new reject with tcp reset;"
    run([*inside, "-f", "-"], stdin=f"table inet shut {{ chain input {{ {rule} }}; }}")
    yield
    run([*inside, "delete", "table", "inet", "shut"])


@faults.add("ssh_host_key", "key")
def host_key_unknown(patient: Patient) -> Iterator[None]:
    file: Path = patient.seen.lab.directory.known_hosts_file
    before = file.read_text()
    file.write_text("")
    yield
    file.write_text(before)


def test_a_healthy_machine_is_told_to_be_well(patient: Patient) -> None:
    assert patient.ask() == []
    result = homeport(patient.project, *patient.command)
    assert result.returncode == 0
    [line] = result.stdout.splitlines()
    assert line.startswith("doctor: well: no trouble found; checked: DNS, ports 80 and 443, certificate (90 days left)")


ALWAYS = ("dns_leads_elsewhere", "certificate_expired", "nginx_misconfigured", "ssh_shut")


@pytest.mark.parametrize("name", faults.sampled(*ALWAYS))
def test_the_cause_is_named_and_nothing_else_is_blamed(patient: Patient, name: str) -> None:
    faults.is_named(name, patient)


def test_after_all_that_the_machine_is_well_again(patient: Patient) -> None:
    assert patient.ask() == []
    assert patient.seen.answers()


def test_troubles_that_have_nothing_to_do_with_each_other_are_all_causes_and_notices_come_last(
    patient: Patient,
) -> None:
    settle_data(patient.project, secrets_file="secrets/lab.age")
    patient.seen.shell("systemd-run -q --unit=odd --wait false || :; systemctl disable -q --now homeport-renew.timer")
    patient.seen.shell("chmod -R o+rX /etc/homeport/notes/releases")
    found = patient.ask()
    settle_data(patient.project, secrets_file=None)
    patient.seen.shell("systemctl reset-failed odd; systemctl enable -q --now homeport-renew.timer")
    patient.seen.shell("cd /etc/homeport/notes/releases && chmod 750 . * && chmod 640 */env")
    assert {one["id"] for one in found if one["severity"] == "trouble"} == {"renewal_off", "secrets_exposed"}
    assert {one["id"] for one in found if one["severity"] == "notice"} == {"secrets_file_missing", "unit_failed"}
    assert [one["severity"] for one in found] == ["trouble", "trouble", "notice", "notice"]


def test_nothing_on_the_host_is_changed(patient: Patient) -> None:
    listing = (
        "find /etc /srv /usr/local /var/lib/notes /run/homeport /run/nginx.pid /root /tmp "
        "-printf '%p %T@ %s %m %u %l\\n' | sort"
    )
    before = patient.seen.shell(listing)
    assert patient.ask() == []
    assert patient.seen.shell(listing) == before


def test_a_machine_without_the_host_program_is_examined_all_the_same(patient: Patient) -> None:
    patient.seen.shell("mv /usr/local/lib/homeport/hostprogram /run/hostprogram")
    try:
        assert patient.ask() == []
    finally:
        patient.seen.shell("mv /run/hostprogram /usr/local/lib/homeport/hostprogram")


def test_a_person_reads_one_line_a_finding_the_cause_first(patient: Patient) -> None:
    patient.seen.shell("systemctl stop nginx")
    result = homeport(patient.project, *patient.command)
    patient.seen.shell("systemctl start nginx")
    keep("doctor.txt", result.stdout)
    assert result.returncode == 1
    cause, consequence = result.stdout.splitlines()
    assert cause.startswith("doctor: trouble: Nginx does not run (dead since ")
    assert "; to do: systemctl enable --now nginx" in cause
    assert consequence.startswith("  doctor: follows: visitors do not reach the site (")


def test_an_application_that_was_never_deployed_is_said_to_be_missing(patient: Patient) -> None:
    settle_data(patient.project, app_name="other", domain=f"other.{patient.seen.host.domain}")
    found = patient.named("not_deployed")
    settle_data(patient.project, app_name="notes", domain=patient.seen.host.domain)
    assert "other was never deployed here" in found["problem"]
