"""What the machines of a failed test have to say, written to a file that the failure's report names.

So nobody has to run it again to find out: systemd's failed units, the journal, the proxy's logs, the machine's state,
the console of a machine that lets nobody in, and how busy this computer was.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from homeport.lab import Lab, LabHost, ssh
from tests.lab.artefacts import keep
from tests.pace import pace, patience

SECONDS = 20
# What is printed of it with the failure, for those who have the output alone.
PRINTED_LINES = 60
MARK = "##"
SAID = f"""
echo '{MARK} state'; date -Ins; uptime; free -m; df -h / /run; systemctl is-system-running
echo '{MARK} failed units'; systemctl --failed --no-pager --no-legend --plain
echo '{MARK} warnings'; journalctl -p warning -o short-precise --no-pager -q -n 40
echo '{MARK} proxy'; grep -hE '"status":[45]' /var/log/nginx/access.log | tail -n 8
grep -v 'setrlimit' /var/log/nginx/error.log | tail -n 15
journalctl -o short-precise --no-pager -q -n 15 -u haproxy -u caddy | grep -E '[" ][45][0-9][0-9][," ]'
echo '{MARK} applications'; journalctl -o short-precise --no-pager -q -n 60 -u '*@blue.service' -u '*@green.service'
for slot in $(systemctl list-units --plain --no-legend '*@blue.service' '*@green.service' | cut -d' ' -f1); do
    systemctl show -p Id,ActiveState,Result,NRestarts,MemoryCurrent "$slot" | tr '\\n' ' '
    main=$(systemctl show --value -p MainPID "$slot")
    [ "$main" != 0 ] || continue
    for pid in $main $(pgrep -P "$main"); do
        most=$(awk '/^Max open files/ {{ print $4 }}' "/proc/$pid/limits")
        echo "process $pid: $(ls "/proc/$pid/fd" | wc -l) of $most files"
    done
done
echo '{MARK} releases'; tail -n 8 /srv/*/releases.jsonl; ls -l /srv/*/slots /etc/homeport/*/live-green
echo '{MARK} processes'; ps -eo pid,ppid,stat,etimes,rss,args --sort=-rss | head -40
echo '{MARK} journal'; journalctl -o short-precise --no-pager -q -n 400
"""
# Logins, the tests' own among them, and what a console has for a terminal's eyes.
NOISE = re.compile(
    r"pam_(unix|env)|sshd\[|session-\d+\.scope|New session|Session \d+ |COMMAND=|command continued|^\s*$"
    r"|systemd\[(?!1\])|user-\d+\.slice|user(-runtime-dir)?@\d+\.service|run-user-\d+\.mount"
)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\x00]")
# The parts that tell most in few lines, and how many of each.
TELLING = {"state": 4, "failed units": 8, "warnings": 12, "proxy": 8, "applications": 14, "journal": 12, "console": 10}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test what its machines say."""
    report = yield
    if report.failed and report.when in ("setup", "call"):
        for title, text in witnesses(item):
            report.sections.append((title, text))
    return report


def witnesses(item: pytest.Item) -> Iterator[tuple[str, str]]:
    """Yield a title, which names the file, and the most telling lines, for each machine of the labs that it knows."""
    name = re.sub(r"[^\w.-]+", "-", item.nodeid.removeprefix("tests/"))[-120:]
    for lab in labs(item):
        for host in hosts(lab):
            text = f"{MARK} here\n{here()}\n{told(lab, host)}"
            path = keep(f"failure-{name}-{host.name}.txt", text)
            yield f"{host.name}, all of it in {path}", telling(text)


def labs(item: pytest.Item) -> list[Lab]:
    """Return the labs that the test's fixtures have made so far, those of its module and its session included."""
    known = getattr(item, "_fixtureinfo").name2fixturedefs.values()  # noqa: B009
    made = [one.cached_result[0] for several in known for one in several if one.cached_result]
    return list({lab.id: lab for lab in made if isinstance(lab, Lab)}.values())


def hosts(lab: Lab) -> tuple[LabHost, ...]:
    """Return the machines that a lab has just now."""
    return tuple(lab.directory.load().hosts) if lab.directory.path.exists() else ()


def here() -> str:
    """Return how busy this computer is, and how slow it was when the run began."""
    free = shutil.disk_usage("/").free // 2**20
    memory = re.findall(r"MemAvailable: +(\d+)", Path("/proc/meminfo").read_text())[0]
    return f"load {os.getloadavg()}, {int(memory) // 1024} MB of memory and {free} MB of disk free, pace {pace()}"


def told(lab: Lab, host: LabHost) -> str:
    """Return what a machine says of itself, and the end of its console."""
    try:
        done = ssh.run(lab.directory, host, "sudo -n sh", stdin=SAID, timeout_seconds=patience(SECONDS))
        text = done.stdout or f"{MARK} nothing: {done.stderr}"
    except subprocess.TimeoutExpired as late:
        text = f"{MARK} no answer within {late.timeout:.0f} s\n{(late.stdout or b'').decode(errors='replace')}"
    console = lab.directory.path / "log" / f"{host.name}.log"
    lines = console.read_text(errors="replace").splitlines() if console.exists() else []
    return "\n".join([text, f"{MARK} console", *lines[-200:]])


def telling(text: str) -> str:
    """Return the parts that tell most, shortened: the end of each, since that is what happened last."""
    lines: list[str] = []
    for part in re.split(rf"^{MARK} ", text, flags=re.MULTILINE)[1:]:
        title, *body = (line for line in ESCAPES.sub("", part).splitlines() if not NOISE.search(line))
        least = next((number for name, number in TELLING.items() if title.startswith(name)), 2)
        lines += [f"{MARK} {title}", *body[-least:]]
    return "\n".join(lines[:PRINTED_LINES])
