"""Certificates of 6 and of 45 days on a machine that serves: renewed in time and unnoticed, the authority away or not.

No clock is changed. The certificate ages instead: between two looks of the timer the authority's key signs it anew with
dates that lie so many days back, so that Certbot, the host's rule and the doctor see the days of a real life, and every
client verifies what it is served. `make test-kill` goes through a month in half days, `make test` through its turning
points.
"""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from homeport.lab import Lab, authority
from homeport.lab.model import LabHost
from homeport.lab.network import ACME_MANAGEMENT_PORT, ACME_PORT
from tests.certificates.aged import resigned
from tests.lab.clients import Target
from tests.lab.commands import findings, settle_data
from tests.lab.kill_points import EVERYWHERE
from tests.lab.load import EVERYTHING, KEEP_ALIVE_GET, KEEP_ALIVE_POST, NEW_CONNECTION, load
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned
from tests.lab.sites import every_client_goes_on
from tests.pace import patience

pytestmark = [pytest.mark.lab, pytest.mark.either_suite]
BUSY = {kind: EVERYTHING[kind] for kind in (KEEP_ALIVE_GET, KEEP_ALIVE_POST, NEW_CONNECTION)}
LIVE, RECORD = "/etc/letsencrypt/live/notes", "/run/homeport/renewals/notes"
# As the timer begins it (systemd tells by this variable), with what the unit does afterwards.
LOOK = (
    "systemd-run -q --wait --collect --unit=homeport-lab-look -p Environment=TRIGGER_UNIT=homeport-renew.timer "
    "-p Environment=TRIGGER_TIMER_REALTIME_USEC=$(date +%s%6N) "
    "-p 'ExecStopPost=/usr/local/lib/homeport/homeport-host reload-proxy' /usr/local/lib/homeport/homeport-host renew"
)


# What an authority that is away looks like from the machine.
AWAY = "add table inet away; add chain inet away out {{ type filter hook output priority 0; }}; "
AWAY += "add rule inet away out tcp dport {port} reject with tcp reset"
# The timer at once, and not at its hour.
HASTY = "OnActiveSec=100ms\nRandomizedDelaySec=0\nAccuracySec=100ms"


@dataclass
class Stage:
    """A machine that serves, a certificate of `days` days there, and how old that is by now."""

    project: Project
    host: LabHost
    seen: Seen
    target: Target
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    days: float = 90
    age: timedelta = timedelta()

    def serial(self) -> str:
        """Return the serial number of the certificate on the disk."""
        return self.seen.shell(f"openssl x509 -noout -serial -in {LIVE}/cert.pem")

    def let_pass(self, days: float) -> None:
        """Let so many days pass for the certificate, and for what the machine has noted of it."""
        self.age += timedelta(days=days)
        issued, *others = x509.load_pem_x509_certificates(self.seen.shell(f"cat {LIVE}/fullchain.pem").encode())
        begin = datetime.now(UTC) - self.age
        aged = resigned(issued, self.key, begin, begin + timedelta(days=self.days))
        chain = aged + "".join(one.public_bytes(Encoding.PEM).decode() for one in others)
        seconds, minute = int(days * 86400), 60
        self.seen.shell(
            f"cat >{LIVE}/cert.pem <<'END'\n{aged}END\ncat >{LIVE}/fullchain.pem <<'END'\n{chain}END\n"
            f"touch -d @{begin.timestamp() - minute:.0f} {LIVE}/cert.pem\n"
            f"[ ! -e {RECORD} ] || touch -d @$(($(stat -c %Y {RECORD}) - {seconds})) {RECORD}"
        )

    def begin(self, days: float) -> None:
        """Have a new certificate of so many days, which is served."""
        self.days, self.age = days, timedelta()
        self.seen.shell(f"rm -f {RECORD}")
        self.let_pass(0)
        self.seen.shell("/usr/local/lib/homeport/homeport-host reload-proxy")

    def look(self) -> bool:
        """Look as the timer does; tell whether that went well."""
        return self.project.lab.run(self.host, f"sudo {LOOK}").returncode == 0

    def renews(self) -> bool:
        """Look, and have that go well; tell whether a new certificate is served then, which is to last as long."""
        before = self.serial()
        assert self.look(), self.seen.shell("journalctl -n 20 -u homeport-lab-look")
        if self.serial() == before:
            return False
        assert self.seen.serial() == self.serial()
        self.age = timedelta()
        self.let_pass(0)
        return True

    def found(self) -> set[str]:
        """Return what the doctor finds of certificates."""
        ids = {one["id"] for one in findings(self.project, self.host.name)}
        return {one for one in ids if one.startswith(("certificate", "renewal"))}

    @contextmanager
    def authority_away(self) -> Iterator[None]:
        """Have the machine reach no authority."""
        self.seen.shell(f"nft '{AWAY.format(port=ACME_PORT)}'")
        try:
            yield
        finally:
            self.seen.shell("nft delete table inet away")


def timer(seen: Seen, when: str) -> None:
    """Have the timer that renews come then, and never otherwise."""
    folder = "/run/systemd/system/homeport-renew.timer.d"
    seen.shell(
        f"mkdir -p {folder} && printf '[Timer]\nOnCalendar=\nPersistent=no\n{when}\n' >{folder}/lab.conf"
        " && systemctl daemon-reload && systemctl restart homeport-renew.timer"
    )


def signing_key(lab: Lab) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    """Return the key with which the lab's authority signs."""
    url = f"https://{lab.context().network.gateway}:{ACME_MANAGEMENT_PORT}/intermediate-keys/0"
    trust = ssl.create_default_context(cafile=str(authority.root_certificate()))
    with urllib.request.urlopen(url, context=trust, timeout=patience(10)) as answer:
        key = load_pem_private_key(answer.read(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    return key


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def stage(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned
) -> Iterator[Stage]:
    host = seasoned.add(f"ages-{request.param}", request.param)
    project = Project.create(tmp_path_factory.mktemp("ages") / "project", lab, "notes")
    settle_data(project, watch_seconds=0)
    project.deployed(host)
    seen, target = Seen(lab, host), Target(host.domain, host.address, lab.directory.ca_file)
    # The hours of these tests are their own.
    timer(seen, "OnCalendar=2099-01-01")
    yield Stage(project, host, seen, target, signing_key(lab))
    lab.remove(host.name)


def due(days: float) -> float:
    """Return after how many days the next certificate is due."""
    return days / 2 if days < 10 else days * 3 / 5


@pytest.mark.parametrize("days", [6, pytest.param(45, marks=pytest.mark.sampled("lives"))])
def test_it_is_renewed_in_time_though_the_authority_is_away_for_a_third_of_its_life(stage: Stage, days: float) -> None:
    stage.begin(days)
    with load(stage.target, BUSY) as report:
        stage.let_pass(due(days) - 0.05)
        assert not stage.renews()
        stage.let_pass(0.6)
        with stage.authority_away():
            assert not stage.look()
            # The doctor reads of the unit that the timer begins; this is its own look, and fails likewise.
            stage.seen.shell("! systemctl start homeport-renew.service")
            assert stage.found() == {"renewal_failed"}
            stage.let_pass((days - due(days)) / 3)
            assert not stage.look()
            assert stage.found() == {"renewal_failed", "certificate_expiring"}
        stage.let_pass(due(days) + days / 3 - stage.age / timedelta(days=1))
        every_client_goes_on(report, BUSY)
        assert stage.renews()
        stage.seen.shell("systemctl start homeport-renew.service")
        assert stage.found() == set()
        every_client_goes_on(report, BUSY)
    print(report)
    assert report.failures == [], report


def test_the_service_knows_whether_the_timer_has_begun_it(stage: Stage) -> None:
    def looked() -> str:
        return stage.seen.shell(f"stat -c %y {RECORD}")

    def ended() -> str:
        return stage.seen.property("homeport-renew.service", "ExecMainExitTimestampMonotonic")

    stage.begin(6)
    stage.seen.shell("systemctl start homeport-renew.service")
    first, before = looked(), ended()
    timer(stage.seen, HASTY)
    assert until(lambda: ended() not in (before, "0"), every=1)
    assert until(lambda: stage.seen.property("homeport-renew.service", "ActiveState") == "inactive", every=1)
    assert looked() == first
    stage.seen.shell("systemctl start homeport-renew.service")
    assert looked() != first
    timer(stage.seen, "OnCalendar=2099-01-01")


@pytest.mark.skipif(not EVERYWHERE, reason="a month in half days is for make test-kill")
@pytest.mark.parametrize("days", [6, 45])
def test_a_month_of_short_certificates_passes_unnoticed(stage: Stage, days: float) -> None:
    stage.begin(days)
    renewed = []
    with load(stage.target, BUSY) as report:
        for half_day in range(60):
            stage.let_pass(0.5)
            if stage.renews():
                renewed.append((half_day + 1) / 2)
            every_client_goes_on(report, BUSY)
    print(f"{days} days: renewed on days {renewed}; {report}")
    assert report.failures == [], report
    # After half of a short life, and three fifths of a longer one; a look is as much as half a day late.
    due = {6: 3.0, 45: 27.0}[int(days)]
    lives = [end - begin for begin, end in zip([0.0, *renewed], renewed, strict=False)]
    assert len(lives) >= 30 // (due + 0.5)
    assert all(due <= life <= due + 0.5 for life in lives), renewed
