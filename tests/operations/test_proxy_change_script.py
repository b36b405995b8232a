"""The change of a machine's proxy (`services.sh`), killed at each of its commands: which proxy would a boot start?

The script and the start conditions are the real ones. systemctl is a stand-in that knows which unit is enabled and
which one runs. A boot is simulated: it forgets /run, and starts what is enabled, each under its condition.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from homeport.comparison.compare import file_changes, service_changes
from homeport.state.machine_values import parse
from homeport.state.paths import START_CONDITION, UNITS
from homeport.state.snapshot import PathFound, Snapshot
from homeport.state.wanted import Wanted
from tests.lab.kill_points import chosen
from tests.operations.test_scripts import Machine, refused
from tests.proxies.test_other_proxies import in_between
from tests.state.builders import bare, make_settings, make_wanted

PROXIES = ("nginx", "haproxy")
VALUES = "/etc/homeport/notes/machine.json"
SYSTEMCTL = """
[ "$1" != -q ] || shift
verb=$1; shift
now=
[ "${1:-}" != --now ] || { now=yes; shift; }
case $verb:$1 in *:nginx.service | *:haproxy.service) ;; *) exit 0 ;; esac
case $verb in
is-enabled) [ -e "$S/enabled/$1" ] && echo enabled || { echo disabled; exit 1; } ;;
is-active) [ -e "$S/active/$1" ] && echo active || { echo inactive; exit 3; } ;;
enable) : >"$S/enabled/$1" ;;
disable) rm -f "$S/enabled/$1"; [ -z "$now" ] || rm -f "$S/active/$1" ;;
stop) rm -f "$S/active/$1" ;;
start | restart) rm -f "$S/active/$1"; ! sh "$S/condition" "$1" || : >"$S/active/$1" ;;
esac
"""

# To render all templates again for each step would take most of the time.
READINGS = cache(in_between)


@cache
def wanted_with(proxy: str) -> Wanted:
    return make_wanted(make_settings(proxy=proxy))


class TwoProxies(Machine):
    """A machine with both proxies, of which `old` serves; `enabled` are those that a boot would start."""

    def __init__(self, folder: Path, old: str, enabled: Collection[str] = PROXIES):
        super().__init__(folder, "dash")
        self.state, self.units = folder / "systemd", folder / "units"
        for one in ("systemd/enabled", "systemd/active", "etc/homeport/notes", "lib", "run"):
            (folder / one).mkdir(parents=True)
        for name in PROXIES:
            (self.units / f"{name}.service.d").mkdir(parents=True)
            (self.units / f"{name}.service.d/homeport.conf").touch()
        for name in enabled:
            (self.state / "enabled" / f"{name}.service").touch()
        (self.state / "active" / f"{old}.service").touch()
        self.record_file = folder / "etc/homeport/proxy.json"
        if old != "nginx":
            self.record_file.write_text(f'{{"proxy": "{old}"}}\n')
        (self.state / "condition").write_text(
            f"drop_in={self.units}/$1.d/{START_CONDITION}\n"
            '[ -e "$drop_in" ] || exit 0\neval "$(sed -n "s/^ExecCondition=+//p" "$drop_in" | sed "s/[$][$]/$/g")"\n'
        )
        before = wanted_with(old).part.files
        (folder / VALUES[1:]).write_text(next(file.content for file in before if file.path == VALUES))
        self.kill_at(0)
        self.has("journalctl")

    def kill_at(self, number: int) -> None:
        """Have the script die as it begins its `number`-th command; 0: at none."""
        (self.folder / "steps").write_text("")
        dies = (
            f'echo >>{self.folder}/steps; [ "$(wc -l <{self.folder}/steps)" != {number} ] || '
            "{ kill -9 $LC_MAIN; exit 1; }\n"
        )
        self.has("systemctl", f"{dies}S={self.state}\n{SYSTEMCTL}")
        for name in ("mv", "rm", "sync", "mkdir"):
            self.has(name, f'{dies}exec /bin/{name} "$@"')
        self.has("homeport-host", f"{dies}")
        (self.folder / "bin/homeport-host").replace(self.folder / "lib/homeport-host")

    def _words(self, name: str, *arguments: str) -> list[str]:
        text, *words = super()._words(name, *arguments)
        # Other variables are not left to a script (variables.sh).
        return [f"export LC_MAIN=$$\n{text}", *words]

    def put_in_place(self, wanted: Wanted, found: Snapshot) -> None:
        """Write what the phase of files writes besides the proxy's own: start conditions, and the machine's values."""
        for file in file_changes(wanted, found).files:
            if file.path.endswith(START_CONDITION):
                text = file.content
                for place, ours in (("/run/homeport", "run"), (UNITS, "units"), ("/etc/homeport", "etc/homeport")):
                    text = text.replace(place, f"{self.folder}/{ours}")
                (self.units / file.path.removeprefix(f"{UNITS}/")).write_text(text)
            if file.path == VALUES:
                (self.folder / VALUES[1:]).write_text(file.content)

    def deploy(self, proxy: str, number: int = 0) -> subprocess.CompletedProcess[str]:
        """Change to the proxy as far as its `number`-th command (0: to the end)."""
        self.kill_at(number)
        wanted, found = wanted_with(proxy), self.found()
        self.put_in_place(wanted, found)
        changes = service_changes(wanted, self.found())
        words = [word.replace(VALUES, f"{self.folder}{VALUES}") for one in changes for word in (one.verb, one.what)]
        content = next(file.content for file in wanted.part.files if file.path == VALUES)
        done = self.run("services", *words, stdin=content)
        self.last = done.returncode
        return done

    def found(self) -> Snapshot:
        """Read the machine."""
        serving = next(iter(self.active()), "")
        found = READINGS(serving, record=self.recorded(), enabled=tuple(self.enabled()))
        conditions = {
            f"{UNITS}/{path.relative_to(self.units)}": PathFound("file", 0o644, "root", "root")
            for path in self.units.glob(f"*/{START_CONDITION}")
        }
        values = (self.folder / VALUES[1:]).read_text()
        record = replace(found.paths[VALUES], digest=sha256(values.encode()).hexdigest())
        known = replace(found.machine, values=tuple(filter(None, [parse(values)])))
        return replace(found, machine=known, paths=found.paths | conditions | {VALUES: record})

    def says(self) -> str:
        """Return the proxy that the application's record of what it sets for the machine names."""
        return str(json.loads((self.folder / VALUES[1:]).read_text())["values"]["proxy"])

    def active(self) -> list[str]:
        return sorted(path.stem for path in (self.state / "active").iterdir())

    def enabled(self) -> list[str]:
        return sorted(path.stem for path in (self.state / "enabled").iterdir())

    def recorded(self) -> str:
        return str(json.loads(self.record_file.read_text())["proxy"]) if self.record_file.exists() else "nginx"

    def starting(self) -> list[str]:
        """Return the proxies that a boot would start."""
        permits = {path: path.read_text() for path in (self.folder / "run").glob("*.permit")}
        for path in permits:
            path.unlink()
        condition = [f"{self.state}/condition"]
        found = [
            name
            for name in self.enabled()
            if subprocess.run(["dash", *condition, f"{name}.service"], check=False).returncode == 0
        ]
        for path, text in permits.items():
            path.write_text(text)
        return found

    def boot(self) -> None:
        """Start what a boot would start, and nothing else."""
        starting = self.starting()
        for path in (*(self.folder / "run").iterdir(), *(self.state / "active").iterdir()):
            path.unlink()
        for name in starting:
            (self.state / "active" / f"{name}.service").touch()


def killed(folder: Path, old: str, new: str, enabled: Collection[str]) -> Iterator[tuple[int, TwoProxies]]:
    """Yield machines on which the change to `new` was killed, each at another command; some of all in `make test`."""
    (folder / "whole").mkdir()
    whole = TwoProxies(folder / "whole", old, enabled)
    assert whole.deploy(new).stderr == ""
    total = (folder / "whole/steps").read_text().count("\n")
    assert total > 20
    for number in chosen(range(1, total + 1), 6):
        place = folder / str(number)
        place.mkdir()
        machine = TwoProxies(place, old, enabled)
        machine.deploy(new, number)
        assert machine.last == -9
        yield number, machine


@pytest.mark.parametrize("enabled_by_its_package", [True, False])
@pytest.mark.parametrize(("old", "new"), [PROXIES, PROXIES[::-1]])
def test_a_boot_starts_the_recorded_proxy_alone_wherever_the_change_was_killed(
    tmp_path: Path, old: str, new: str, *, enabled_by_its_package: bool
) -> None:
    for number, machine in killed(tmp_path, old, new, PROXIES if enabled_by_its_package else (old,)):
        assert machine.starting() == [machine.recorded()], (number, machine.record[-1])
        assert machine.says() in (machine.recorded(), old)
        # The next deploy does the rest, with a boot before it or without.
        if number % 2:
            machine.boot()
        assert machine.deploy(new).stderr == ""
        assert (machine.active(), machine.enabled(), machine.recorded(), machine.says()) == ([new], [new], new, new)
        assert not [*machine.units.glob(f"*/{START_CONDITION}")]
        assert machine.starting() == [new]


@pytest.mark.parametrize(("old", "new"), [PROXIES, PROXIES[::-1]])
def test_who_goes_back_after_a_killed_change_has_the_old_proxy_alone(tmp_path: Path, old: str, new: str) -> None:
    for _, machine in killed(tmp_path, old, new, PROXIES):
        machine.boot()
        assert machine.deploy(old).stderr == ""
        assert (machine.active(), machine.enabled(), machine.recorded(), machine.says()) == ([old], [old], old, old)
        assert not [*machine.units.glob(f"*/{START_CONDITION}")]


def test_a_proxy_that_does_not_start_leaves_no_start_condition(tmp_path: Path) -> None:
    machine = TwoProxies(tmp_path, "nginx")
    machine.kill_at(0)
    broken = "case $* in '-q start haproxy.service' | '-q restart haproxy.service') exit 1 ;; esac"
    original = TwoProxies.has

    def has(self: Machine, name: str, body: str = "") -> None:
        original(self, name, f"{broken}\n{body}" if name == "systemctl" else body)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TwoProxies, "has", has)
        assert "nginx.service serves again" in refused(machine.deploy("haproxy"))
    assert not [*machine.units.glob(f"*/{START_CONDITION}")]
    assert machine.says() == "nginx"
    assert machine.starting() == ["nginx"]


def test_the_start_condition_of_a_proxy_is_there_before_its_package(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "dash")
    condition = tmp_path / "units/haproxy.service.d" / START_CONDITION
    machine.has("systemctl")
    machine.has("apt-get", f"case $* in *install*) cat {condition} ;; esac")
    done = machine.run("packages", "--condition", str(condition), "its text\n", "300", "", "", "haproxy")
    assert (done.returncode, done.stderr) == (0, "")
    assert condition.read_text() == "its text\n"
    assert condition.stat().st_mode & 0o777 == 0o644
    assert [line.split()[0] for line in machine.record] == ["systemctl", "apt-get", "apt-get"]
    assert [path.name for path in condition.parent.iterdir()] == [START_CONDITION]


def test_nothing_is_installed_when_the_start_condition_cannot_be_written(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "dash")
    (tmp_path / "units").touch()
    machine.has("apt-get")
    done = machine.run("packages", "--condition", f"{tmp_path}/units/x.conf", "text", "300", "", "", "haproxy")
    assert refused(done).startswith(f"error: packages: {tmp_path}/units/x.conf cannot be written: ")
    assert machine.record == []


def condition_of(proxy: str) -> str:
    [file] = wanted_with(proxy).part.start_conditions
    [line] = [line for line in file.content.splitlines() if line.startswith("ExecCondition=")]
    return line.removeprefix("ExecCondition=+")


@pytest.mark.parametrize(
    ("record", "starting"),
    [
        (None, ["nginx"]),
        ('{"proxy": "nginx"}\n', ["nginx"]),
        ('{"proxy": "haproxy"}\n', ["haproxy"]),
        # The host program takes a damaged record for none.
        ("", ["nginx"]),
        ("{]", ["nginx"]),
    ],
)
def test_a_proxy_starts_that_is_recorded_and_configured_or_that_a_deploy_starts(
    tmp_path: Path, record: str | None, starting: list[str]
) -> None:
    units, runtime = tmp_path / "units", tmp_path / "run"
    runtime.mkdir()
    if record is not None:
        (tmp_path / "proxy.json").write_text(record)

    def starts(proxy: str) -> bool:
        command = condition_of(proxy).replace(UNITS, str(units)).replace("/run/homeport", str(runtime))
        command = command.replace("/etc/homeport/proxy.json", str(tmp_path / "proxy.json"))
        done = subprocess.run(shlex.split(command.replace("$$", "$")), env={"PATH": ""}, check=False)
        # With another status, which a program that is missing would bring, systemd would skip the unit as well.
        assert done.returncode in (0, 1)
        return done.returncode == 0

    # Debian's package has brought it, and homeport has not configured it yet.
    assert not any(map(starts, PROXIES))
    for proxy in PROXIES:
        (units / f"{proxy}.service.d").mkdir(parents=True)
        (units / f"{proxy}.service.d/homeport.conf").touch()
    assert [proxy for proxy in PROXIES if starts(proxy)] == starting
    for proxy in PROXIES:
        (runtime / f"{proxy}.permit").touch()
    assert all(map(starts, PROXIES))


def test_a_first_deploy_removes_the_start_condition_that_it_needed_for_the_package() -> None:
    wanted, found = make_wanted(), bare()
    last = [f"{one.verb} {one.what}" for one in service_changes(wanted, found) if one.verb != "reload"][-1]
    assert last == "unblock nginx.service"
    assert not any(file.path.endswith(START_CONDITION) for file in file_changes(wanted, found).files)
