"""What goes wrong before each entry of the runbook, and what is true afterwards, seen without homeport.

A fault is a context: it has happened when it is entered, and when it is left the machine is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.docs.world import APP, HOST, World
from tests.lab.clients import Target
from tests.lab.load import load
from tests.lab.project import until
from tests.lab.sites import BUSY, every_client_goes_on

NEW = "web2.example.com"
Fault = Callable[[World], AbstractContextManager[None]]
BAD_MIGRATION = '''"""Never works."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("INSERT INTO no_such_table VALUES (1)")


def downgrade() -> None:
    pass
'''


def nothing(world: World) -> AbstractContextManager[None]:
    """Nothing is wrong: the entry is something to be done; the site answers afterwards."""
    return another_release(world, new=False)


@contextmanager
def bare_machine(world: World) -> Iterator[None]:
    """A machine on which nothing is, and whose host key nobody has seen; a project with a secret."""
    world.settings(secrets_file="secrets/production.age")
    world.run("homeport", "secrets", "keygen")
    world.run("sh", "-c", "echo known | homeport secrets set production SECRET_KEY")
    assert not world.answers()
    yield
    assert world.answers()


@contextmanager
def another_release(world: World, *, new: bool = True) -> Iterator[None]:
    """A commit that is to go live."""
    before = world.live()
    if new:
        world.app.write("NEWS.txt", f"after {before}\n")
    yield
    assert world.answers()
    assert (world.live() != before) == new


@contextmanager
def release_that_does_not_start(world: World) -> Iterator[None]:
    """A commit whose code cannot be imported."""
    before = world.live()
    world.app.write("main.py", "import no_such_module\n")
    yield
    assert world.live() == before
    assert '"failed"' in world.seen.shell(f"cat /srv/{APP}/releases.jsonl")


@contextmanager
def failing_migration(world: World) -> Iterator[None]:
    """A commit whose migration fails."""
    before = world.live()
    world.app.write("migrations/versions/0003_never.py", BAD_MIGRATION)
    yield
    assert world.live() == before
    assert not (world.app.app / "migrations/versions/0003_never.py").exists()


@contextmanager
def bad_release(world: World) -> Iterator[None]:
    """A release that is live and healthy, and whose pages are broken."""
    good = world.live()
    routes = (world.app.app / "notes" / "api.py").read_text()
    world.app.write("notes/api.py", routes.replace("return _latest(session, limit)", "raise RuntimeError"))
    world.deploy()
    assert world.live() != good
    yield
    assert world.live() == good


@contextmanager
def held(world: World) -> Iterator[None]:
    """Deploys that a colleague holds."""
    world.run("homeport", "lock", "production", "-m", "the database moves, ask Carol")
    with another_release(world):
        yield


@contextmanager
def too_few(world: World) -> Iterator[None]:
    """A lone worker, on a machine that bears two."""
    slot = world.seen.get("/health", name=world.domain)["slot"]
    assert workers(world, slot) == 1
    yield
    assert workers(world, world.seen.get("/health", name=world.domain)["slot"]) == 2
    world.settings(workers=1)


@contextmanager
def no_process(world: World) -> Iterator[None]:
    """An application that has been stopped, and is not started again."""
    world.seen.shell(f"systemctl stop '{APP}@*.service'")
    assert world.seen.curl("/health", "-o", "/dev/null", "-w", "%{http_code}", name=world.domain).stdout == "503"
    yield
    assert world.answers()


@contextmanager
def power_cut(world: World) -> Iterator[None]:
    """A machine whose power was cut."""
    world.lab.reboot(world.host, hard=True)
    yield
    assert until(world.answers, 60)


@contextmanager
def closed_port(world: World) -> Iterator[None]:
    """A firewall in which somebody has closed HTTPS."""
    world.seen.shell("nft insert rule inet homeport input iifname != lo tcp dport 443 drop")
    yield
    assert world.answers()


@contextmanager
def expired_certificate(world: World) -> Iterator[None]:
    """A certificate that has expired, since the timer that renews was switched off."""
    chain, key = expired_pair(world.domain)
    folder = f"/etc/letsencrypt/live/{APP}"
    for name, text in (("fullchain", chain), ("cert", chain), ("privkey", key)):
        world.seen.shell(f"cat >{folder}/{name}.pem <<'END'\n{text}END")
    world.seen.shell("systemctl disable --now homeport-renew.timer; systemctl reload nginx")
    assert until(lambda: not world.answers())
    yield
    assert world.answers()
    assert world.seen.property("homeport-renew.timer", "ActiveState") == "active"


@contextmanager
def leak(world: World) -> Iterator[None]:
    """An application that has grown by 150 MB."""
    world.seen.get("/leak", name=world.domain)
    before = memory_megabytes(world)
    yield
    assert memory_megabytes(world) < before - 100


@contextmanager
def full_disk(world: World) -> Iterator[None]:
    """A file system under the application that a forgotten file has filled, and a commit that is to go live."""
    disk = f"/srv/{APP}"
    copy = "/var/tmp/copy"
    world.seen.shell(f"cp -a {disk} {copy} && mount -t tmpfs -o size=1g tmpfs {disk} && mountpoint -q {disk}")
    world.seen.shell(f"cp -a {copy}/. {disk}/ && rm -r {copy}")
    size = f"$(df -Pk {disk} | awk 'NR == 2 {{ print $4 }}')K"
    world.seen.shell(f"findmnt -n -o FSTYPE {disk} | grep -qx tmpfs && fallocate -l {size} {disk}/forgotten.dump")
    try:
        with another_release(world):
            yield
    finally:
        # What was deployed goes to the disk that was there before.
        world.seen.shell("mkdir -p /run/below && mount --bind /srv /run/below && mountpoint -q /run/below")
        world.seen.shell(f"rm -rf /run/below/{APP}/* {disk}/forgotten.dump && cp -a {disk}/. /run/below/{APP}/")
        world.seen.shell(f"umount -l {disk} && umount /run/below")


@contextmanager
def known_secret(world: World) -> Iterator[None]:
    """A secret that somebody knows who should not."""
    assert in_process(world, "SECRET_KEY") == "known"
    before = world.live()
    yield
    assert world.live() != before
    assert len(in_process(world, "SECRET_KEY")) == 64


@contextmanager
def old_key(world: World) -> Iterator[None]:
    """A key that opens the machine and should not any longer."""
    before = world.key.with_suffix(".pub").read_text().split()[1]
    yield
    keys = world.seen.shell("cat ~debian/.ssh/authorized_keys")
    assert before not in keys
    assert world.key.with_suffix(".pub").read_text().split()[1] in keys


@contextmanager
def reboot_due(world: World) -> Iterator[None]:
    """A machine that an upgrade wants rebooted."""
    world.seen.shell("echo '*** System restart required ***' >/run/reboot-required")
    before = world.seen.shell("cat /proc/sys/kernel/random/boot_id")
    yield
    assert world.seen.shell("cat /proc/sys/kernel/random/boot_id") != before
    assert world.answers()


@contextmanager
def older_debian(world: World) -> Iterator[None]:
    """A machine with Debian 12, whose site is under load; the reboot alone costs requests."""
    assert world.seen.shell("cat /etc/debian_version").startswith("12")
    release, environments = world.live(), set(world.seen.shell(f"ls /srv/{APP}/venvs").split())
    target = Target(world.domain, world.host.address, world.lab.directory.ca_file)
    with load(target, BUSY) as report:
        every_client_goes_on(report, BUSY)
        yield
        every_client_goes_on(report, BUSY)
    print(report)
    went_down = journal_time(world, "-b -1", "The system will reboot now")
    came_up = journal_time(world, "-b", f"Started {APP}@")
    # What was on its way as it went down counts with it.
    assert [one for one in report.failures if not went_down - 1 < one.at < came_up] == [], report
    assert world.live() == release
    assert len(set(world.seen.shell(f"ls /srv/{APP}/venvs").split()) - environments) == 1
    assert world.seen.shell("ls /usr/bin/python3.*") == "/usr/bin/python3.13"
    # After a restart, which has put the release's own site in place.
    assert "http2 on;" in world.seen.shell(f"cat /etc/nginx/homeport/{APP}.conf")
    assert "deprecated" not in world.seen.shell("nginx -t 2>&1")


@contextmanager
def lost_machine(world: World) -> Iterator[None]:
    """A machine that is gone; its provider has put a bare one in its place, and there is a backup of its state."""
    write_note(world)
    world.run("sh", "-c", f"ssh {HOST} sudo tar -cz -C /var/lib {APP} >backup.tar.gz")
    name = world.host.name
    world.lab.remove(name)
    world.host = world.machines[HOST] = world.seasoned.add(name)
    world.let_in(world.host)
    world.describe()
    assert not world.answers()
    yield
    assert "kept" in world.seen.curl("/notes", name=world.domain).stdout


@contextmanager
def new_machine(world: World) -> Iterator[None]:
    """A machine that is bare, beside the one that serves."""
    write_note(world)
    new = world.machines[NEW] = world.seasoned.add("elsewhere")
    world.let_in(new)
    world.describe()
    yield
    assert world.host == new
    assert "kept" in world.seen.curl("/notes", name=world.domain).stdout


@contextmanager
def unwanted(world: World) -> Iterator[None]:
    """An application that nobody wants any longer."""
    yield
    assert not world.answers()
    left = world.seen.shell(
        f"find / -xdev \\( -path /proc -o -path /sys -o -path /var/log \\) -prune -o -name '*{APP}*' -print"
        " | grep -vE '/(doc|share|python3|site-packages)/' || true"
    )
    assert left == ""
    assert world.seen.shell(f"getent passwd {APP} || true") == ""
    assert world.seen.shell("journalctl --since -1min -p err -t nginx -q --no-pager || true") == ""


def write_note(world: World) -> None:
    """Have the application keep something that is looked for elsewhere."""
    note = ("-X", "POST", "-H", "Content-Type: application/json", "-d", '{"text": "kept"}', "--fail")
    assert world.seen.curl("/notes", *note, name=world.domain).returncode == 0


def journal_time(world: World, boot: str, said: str) -> float:
    """Return when something was said first in a boot, in seconds since 1970."""
    return float(world.seen.shell(f"journalctl {boot} -o short-unix | grep -m 1 -F '{said}'").split()[0])


def workers(world: World, slot: str) -> int:
    """Return how many processes of the slot answer requests; a lone one is the server itself."""
    manager = world.seen.property(f"{APP}@{slot}", "MainPID")
    return int(world.seen.shell(f"pgrep -c -P {manager} -f spawn_main || true")) or 1


def memory_megabytes(world: World) -> int:
    """Return what the processes of the live slot take, as the kernel has it."""
    slot = world.seen.get("/health", name=world.domain)["slot"]
    pids = world.seen.shell(f"systemctl show -P MainPID {APP}@{slot}")
    kilobytes = world.seen.shell(f"for p in {pids} $(pgrep -P {pids} || :); do grep ^Pss: /proc/$p/smaps_rollup; done")
    return sum(int(line.split()[1]) for line in kilobytes.splitlines()) // 1024


def in_process(world: World, name: str) -> str:
    """Return a variable of the live application's own process."""
    slot = world.seen.get("/health", name=world.domain)["slot"]
    pid = world.seen.shell(f"systemctl show -P MainPID {APP}@{slot}")
    variables = world.seen.shell(f"tr '\\0' '\\n' </proc/{pid}/environ").splitlines()
    return next(line.partition("=")[2] for line in variables if line.startswith(f"{name}="))


def expired_pair(domain: str) -> tuple[str, str]:
    """Return a certificate that expired yesterday, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=91))
        .not_valid_after(now - timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM).decode(), private.decode()


FAULTS: dict[str, Fault] = {
    "Deploy": bare_machine,
    "A release does not start": release_that_does_not_start,
    "A migration fails": failing_migration,
    "A bad release is live: roll back": bad_release,
    "Deploys are held": held,
    "Restart the application": nothing,
    "More workers, or fewer": too_few,
    "Something has to be done by hand": nothing,
    "The site answers 503 after some seconds": no_process,
    "The machine was rebooted, or lost power": power_cut,
    "The site cannot be reached": closed_port,
    "The certificate has expired, or there is none": expired_certificate,
    "The machine runs out of memory": leak,
    "The disk is full": full_disk,
    "A secret has leaked, or a colleague has left": known_secret,
    "An SSH key is to be replaced": old_key,
    "The system is to be upgraded": reboot_due,
    "From Debian 12 to 13": older_debian,
    "A machine is lost": lost_machine,
    "Move to another machine": new_machine,
    "Remove an application": unwanted,
}

# What happens elsewhere in the world while an entry is followed (`<!-- meanwhile: EVENT -->`).
EVENTS: dict[str, Callable[[World], None]] = {
    "the name leads to the new machine": lambda world: world.lead(world.machines[NEW]),
}
