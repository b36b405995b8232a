"""Faults that are done to a machine which nobody deploys to: kills, reloads, partitions, power, disk, authority.

Each returns what became of it as `Outcome`; who was live before and after is looked at by whoever calls.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.soak.stage import APP, SLOT, Stage
from homeport.lab.network import ACME_PORT
from tests.lab.clients import ERRORS, NewConnection
from tests.lab.repacked import LIBRARY, PACKAGES, is_up_to_date, prepare
from tests.pace import until

TABLE = "soak"
# At the machine's own interface, and not between its own processes.
RULES = f"""
table inet {TABLE} {{
    chain input {{ type filter hook input priority -300; %s }}
    chain output {{ type filter hook output priority -300; %s }}
}}
"""
FILL = """
avail() { df -Pk / | awk 'NR == 2 { print $4 }'; }
fallocate -l "$(avail)K" /filler || true
cat /dev/zero >/filler.rest 2>/dev/null || true
"""
MAIN = f"$(systemctl show -p MainPID --value {APP}@{SLOT}.service)"
NGINX = "$(systemctl show -p MainPID --value nginx)"


@dataclass(frozen=True)
class Outcome:
    """What a fault came to: what was not as it must be, what is worth reading, and who may have been live."""

    problem: str = ""
    remark: str = ""
    switches: bool = False  # another release is live afterwards
    through: str = ""  # this release may have been live meanwhile


Action = Callable[[Stage, random.Random], Outcome]


def refused(done: subprocess.CompletedProcess[str], statuses: tuple[int, ...], what: str) -> str:
    """Return what is wrong with how a command ended: nothing, where its status is one of these."""
    if "Traceback" in done.stdout:
        return f"{what} ended with a traceback: {done.stdout[-600:]}"
    if done.returncode in statuses:
        return ""
    return f"{what} ended with status {done.returncode}: {' | '.join(done.stdout.strip().splitlines()[-6:])}"


def on_host(command: str) -> Action:
    """Return what runs a command on the machine as root."""

    def act(stage: Stage, _dice: random.Random) -> Outcome:
        stage.seen.shell(command)
        return Outcome()

    return act


def kill_worker(stage: Stage, dice: random.Random) -> Outcome:
    """End one of the application's workers as the kernel does."""
    workers = stage.seen.shell(f"pgrep -P {MAIN} -f spawn_main").split()
    stage.seen.shell(f"kill -9 {dice.choice(workers)}")
    return Outcome()


def kill_proxy_worker(stage: Stage, dice: random.Random) -> Outcome:
    """End one of Nginx's workers."""
    workers = stage.seen.shell(f"pgrep -P {NGINX} -xf 'nginx: worker process'").split()
    stage.seen.shell(f"kill -9 {dice.choice(workers)}")
    return Outcome()


def out_of_memory(stage: Stage, _dice: random.Random) -> Outcome:
    """Have a worker take memory until the kernel ends it."""
    before = stage.seen.shell(f"pgrep -P {MAIN} -f spawn_main").split()
    client = NewConnection(stage.target, "POST", "/leak")
    try:
        client.request()
    except ERRORS:
        client.close()
    gone = until(
        lambda: set(before) - set(stage.seen.shell(f"pgrep -P {MAIN} -f spawn_main || true").split()) != set(), 30
    )
    return Outcome("" if gone else "no worker was killed at its limit")


@contextmanager
def blocked(stage: Stage, into: str, out: str) -> Iterator[None]:
    """Have the machine's interface drop what these rules say while the block runs."""
    rules = RULES % (into and f"iifname eth0 {into};", out and f"oifname eth0 {out};")
    nft = ["ip", "netns", "exec", stage.namespace, "nft"]
    subprocess.run([*nft, "-f", "-"], input=rules, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run([*nft, "delete", "table", "inet", TABLE], check=True)


def partition_of_clients(stage: Stage, dice: random.Random) -> Outcome:
    """Let no client through for some seconds, in one direction or in both."""
    seconds, way = dice.uniform(0.5, 4), dice.choice(("both", "in", "out"))
    into = "" if way == "out" else "tcp dport { 80, 443 } drop"
    out = "" if way == "in" else "tcp sport { 80, 443 } drop"
    with blocked(stage, into, out):
        time.sleep(seconds)
    return Outcome(remark=f"{way}, {seconds:.1f} s")


def power_cut(stage: Stage, _dice: random.Random) -> Outcome:
    """Cut the power, and switch it on again."""
    stage.project.lab.reboot(stage.host, hard=True)
    return Outcome()


def reboot(stage: Stage, _dice: random.Random) -> Outcome:
    """Reboot it from inside."""
    stage.project.lab.reboot(stage.host)
    return Outcome()


@contextmanager
def full(stage: Stage) -> Iterator[None]:
    """Have not a block of the disk be free while the block runs."""
    stage.seen.shell(FILL)
    try:
        yield
    finally:
        stage.seen.shell("rm -f /filler /filler.rest")


def full_disk(stage: Stage, dice: random.Random) -> Outcome:
    """Fill the disk, and have a deploy refuse to begin."""
    stage.change()
    with full(stage):
        time.sleep(dice.uniform(0, 2))
        done = stage.deploy()
    stage.project.git("reset", "-q", "--hard", "HEAD~1")
    return Outcome(refused(done, (1,), "a deploy to a full disk"))


def authority_away(stage: Stage, _dice: random.Random) -> Outcome:
    """Ask for a certificate while the authority cannot be reached, and once more when it can."""
    serial = stage.seen.serial()
    with blocked(stage, "", f"tcp dport {ACME_PORT} reject with tcp reset"):
        done = stage.homeport("cert", "--renew", "--yes")
    wrong = refused(done, (1,), "a renewal without an authority")
    return Outcome(wrong or ("" if stage.seen.serial() == serial else "another certificate is served"))


def renewal(stage: Stage, _dice: random.Random) -> Outcome:
    """Have a certificate take the place of another one."""
    serial = stage.seen.serial()
    wrong = refused(stage.homeport("cert", "--renew", "--yes"), (0,), "a renewal")
    return Outcome(wrong or ("" if stage.seen.serial() != serial else "the same certificate is served"))


def upgrade_of_nginx(stage: Stage, _dice: random.Random) -> Outcome:
    """Upgrade the package as unattended-upgrades does."""
    return _upgrade(stage, PACKAGES["nginx"])


def upgrade_of_a_library(stage: Stage, _dice: random.Random) -> Outcome:
    """Upgrade OpenSSL, and have the application take it up, as a timer does every day."""
    outcome = _upgrade(stage, LIBRARY[stage.host.suite])
    stage.seen.shell("systemctl start homeport-use-upgrades@all")
    return outcome


def _upgrade(stage: Stage, packages: str) -> Outcome:
    stage.upgrades += 1
    stage.seen.shell(prepare(stage.seen, packages, stage.upgrades))
    done = until(lambda: is_up_to_date(stage.seen, "nginx"), 120)
    return Outcome("" if done else "Nginx does not run what is on the disk")


# A worker that is left serves on for a moment, until systemd ends it.
KILL_MANAGER = f"""
main={MAIN}
workers=$(pgrep -P "$main" -f spawn_main)
kill -9 "$main"
for worker in $workers; do
    while kill -0 "$worker" 2>/dev/null; do sleep 0.02; done
done
"""
ACTIONS: dict[str, Action] = {
    "kill worker": kill_worker,
    "kill manager": on_host(KILL_MANAGER),
    "kill proxy worker": kill_proxy_worker,
    "kill proxy master": on_host(f"kill -9 {NGINX}"),
    "out of memory": out_of_memory,
    "reload": on_host("systemctl reload nginx"),
    "raw reload": on_host("nginx -s reload"),
    "log rotation": on_host("logrotate -f /etc/logrotate.d/nginx"),
    "partition of clients": partition_of_clients,
    "power cut": power_cut,
    "reboot": reboot,
    "full disk": full_disk,
    "authority away": authority_away,
    "renewal": renewal,
    "upgrade of Nginx": upgrade_of_nginx,
    "upgrade of a library": upgrade_of_a_library,
}
