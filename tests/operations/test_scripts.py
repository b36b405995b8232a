"""The phases' scripts, really run by a shell; the system's programs that they call are stand-ins that keep a record.

What needs a real machine (files, release, certificate) is in tests/lab.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from homeport.facts.snapshot import ENVIRONMENTS
from homeport.host.proxies import renewal
from homeport.operations.command import SCRIPTS, script

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]


class Machine:
    """A PATH whose first folder has stand-ins; `record` has a line for each call of one of them."""

    def __init__(self, folder: Path, shell: str):
        self.folder = folder
        self.calls = folder / "calls"
        self.shell = shell
        (folder / "bin").mkdir()

    def has(self, name: str, body: str = "") -> None:
        """Put a stand-in on the PATH that writes its name and arguments down and then does `body`."""
        program = self.folder / "bin" / name
        note = f'{{ printf "%s" {name}; printf " <%s>" "$@"; echo; }} >>{shlex.quote(str(self.calls))}'
        program.write_text(f"#!/bin/sh\n{note}\n{body}\n")
        program.chmod(0o755)

    def run(self, name: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return self._run(*self._words(name, *arguments), stdin=stdin)

    def start(self, name: str, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        words = self._line(*self._words(name, *arguments))
        return subprocess.Popen(words, env=self._environment, stdin=stdin, stdout=-1, text=True)

    def shell_out(self, commands: str) -> subprocess.CompletedProcess[str]:
        """Run commands after the functions that stand before every script."""
        return self._run((SCRIPTS / "disk.sh").read_text() + commands)

    def _words(self, name: str, *arguments: str) -> list[str]:
        text, *words = (word.obj for word in script(name, *arguments).bits[2:])
        places = {
            **{"/run/homeport": "run", "/usr/local/lib/homeport": "lib", "/var/lib/homeport": "state"},
            **{
                "/usr/bin/python3": "bin/python3",
                "/etc/homeport": "etc/homeport",
                "/etc/systemd/system": "units",
                "/etc/letsencrypt": "etc/letsencrypt",
                "/srv/": "srv/",
                "/var/cache/": "cache/",
            },
        }
        for place, ours in places.items():
            text = text.replace(place, f"{self.folder}/{ours}")
        return [text, *words]

    def _line(self, *words: str) -> list[str]:
        return [*([self.shell, "sh"] if self.shell == "busybox" else [self.shell]), "-c", *words]

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}

    def _run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._line(*words),
            env=self._environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def record(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture(params=SHELLS)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    return Machine(tmp_path, request.param)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line with which a script refuses."""
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def test_accounts_are_made_pair_by_pair(machine: Machine) -> None:
    machine.has("useradd")
    assert machine.run("accounts", "ours", "notes", "/var/lib/notes", "blog", "/var/lib/blog").returncode == 0
    assert [line.split()[-1] for line in machine.record] == ["<notes>", "<blog>"]
    assert "<--home-dir> </var/lib/notes>" in machine.record[0]
    assert all("<--system>" in line and "</usr/sbin/nologin>" in line for line in machine.record)


def test_an_account_that_cannot_be_made_ends_the_phase(machine: Machine) -> None:
    machine.has("useradd", "echo 'useradd: group notes exists' >&2; exit 9")
    done = machine.run("accounts", "ours", "notes", "/a", "blog", "/b")
    assert done.returncode != 0
    assert done.stderr == "error: accounts: the user notes cannot be created: useradd: group notes exists\n"
    assert len(machine.record) == 1


def test_packages_are_installed_without_questions_and_without_recommendations(machine: Machine) -> None:
    machine.has("apt-get")
    done = machine.run("packages", "300", "", "openssl", "nginx")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["reading the package lists", "installing openssl", "installing nginx"]
    update, first, install = machine.record
    assert first.endswith("<install> <openssl>")
    assert update.endswith("<update>")
    assert "<--no-install-recommends>" in install
    assert "<DPkg::Lock::Timeout=300>" in install
    assert "<Dpkg::Options::=--force-confold>" in install
    assert install.endswith("<install> <nginx>")


HELD = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)"


def test_another_apt_is_waited_for(machine: Machine) -> None:
    machine.has("sleep")
    machine.has("apt-get", f'[ "$(grep -c apt-get {machine.calls})" -gt 2 ] || {{ echo "{HELD}"; exit 100; }}')
    done = machine.run("packages", "300", "", "", "nginx")
    assert done.returncode == 0
    assert done.stdout.count("waiting for another apt to finish") == 2


def test_another_apt_is_not_waited_for_for_ever(machine: Machine) -> None:
    machine.has("sleep")
    machine.has("apt-get", f'echo "{HELD}"; exit 100')
    done = machine.run("packages", "0", "", "", "nginx")
    assert refused(done).startswith("error: packages: another apt held the lock for 0 s; ")
    assert "apt_lock_timeout_seconds" in done.stderr


def test_package_lists_that_cannot_be_read_are_shown_with_the_reason(machine: Machine) -> None:
    machine.has("apt-get", 'echo "E: The repository has no Release file"; exit 100')
    done = machine.run("packages", "300", "", "", "nginx")
    assert refused(done).startswith("error: packages: the package lists cannot be read")
    assert "no Release file" in done.stdout


def test_a_host_that_resolves_no_names_is_told_apart_from_bad_package_lists(machine: Machine) -> None:
    words = "W: Failed to fetch http://deb.example.org/x  Temporary failure resolving 'deb.example.org'"
    machine.has("apt-get", f'echo "{words}"; exit 100')
    done = machine.run("packages", "300", "", "", "nginx")
    assert refused(done) == (
        "error: packages: the host cannot resolve deb.example.org; see its "
        "/etc/resolv.conf (getent hosts deb.example.org)"
    )


def test_packages_that_cannot_be_installed_are_named_in_the_words_of_apt(machine: Machine) -> None:
    machine.has("apt-get", 'case $* in *update*) ;; *) echo "E: Unable to locate package nosuch"; exit 100 ;; esac')
    done = machine.run("packages", "300", "", "", "nosuch")
    assert refused(done) == "error: packages: they cannot be installed: Unable to locate package nosuch"


CONFLICT = """
case $* in *update*) exit 0 ;; *--no-remove*) ;; *) exit 0 ;; esac
cat <<'END'
The following packages will be REMOVED:
  apt-listchanges systemd-timesyncd
  theirs
The following NEW packages will be installed:
  chrony nginx
E: Packages need to be removed but remove is disabled.
END
exit 100
"""


def test_packages_that_would_take_others_away_are_not_installed(machine: Machine) -> None:
    machine.has("apt-get", CONFLICT)
    done = machine.run("packages", "300", "", "", "chrony", "nginx")
    assert refused(done) == (
        "error: packages: installing chrony nginx would remove apt-listchanges systemd-timesyncd theirs; homeport "
        "does not "
        "remove it: remove it yourself if nobody needs it, and deploy again"
    )


INTERRUPTED = "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem."


def test_an_installation_that_a_power_cut_has_interrupted_is_finished_first(machine: Machine) -> None:
    machine.has(
        "apt-get",
        f'case $* in *install*) [ -e {machine.folder}/done ] || {{ echo "{INTERRUPTED}"; exit 100; }} ;; esac',
    )
    machine.has("dpkg", f"touch {machine.folder}/done")
    done = machine.run("packages", "300", "", "", "nginx")
    assert (done.returncode, done.stderr) == (0, "")
    assert "finishing an installation that was interrupted" in done.stdout
    _, first, finish, second = machine.record
    assert first == second
    assert finish == "dpkg <--force-confdef> <--force-confold> <--configure> <-a>"


def test_an_installation_that_cannot_be_finished_is_an_error_in_dpkgs_words(machine: Machine) -> None:
    machine.has("apt-get", f'case $* in *install*) echo "{INTERRUPTED}"; exit 100 ;; esac')
    machine.has("dpkg", "echo 'dpkg: error processing package nginx (--configure):'; exit 1")
    assert refused(machine.run("packages", "300", "", "", "nginx")) == (
        "error: packages: an earlier installation was interrupted, and dpkg cannot finish it: dpkg: error processing "
        "package nginx (--configure):; see: dpkg --audit"
    )


def test_a_failure_without_a_reason_is_an_error_of_one_line_too(machine: Machine) -> None:
    machine.has("apt-get", "case $* in *update*) ;; *) exit 100 ;; esac")
    assert refused(machine.run("packages", "300", "", "", "x")).startswith("error: packages: they cannot be installed")


# An environment whose Python and uv find nothing to do.
VENV = """
mkdir -p "$4/bin"
for name in python uv; do
    printf '#!/bin/sh\\n' >"$4/bin/$name"
    chmod +x "$4/bin/$name"
done
"""


def test_the_tools_are_made_while_packages_that_they_do_not_need_are_installed(machine: Machine) -> None:
    made = machine.folder / "lib/tools-0123/.complete"
    # Each begins before the other has ended, or both fail.
    wait = f"for _ in $(seq 400); do [ ! -e {made} ] || exit 0; sleep 0.05; done; exit 100"
    machine.has("apt-get", f"case $* in *nginx) {wait} ;; esac")
    wait = f"for _ in $(seq 200); do ! grep -q 'install> <nginx>' {machine.calls} || break; sleep 0.05; done"
    machine.has("python3", f"{wait}; grep -q 'install> <nginx>' {machine.calls} || exit 1\n{VENV}")
    done = machine.run("packages", "300", "0123", "python3 python3-venv", "nginx", stdin="uv==1\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split("install> ")[-1] for line in machine.record if "install>" in line] == [
        "<python3> <python3-venv>",
        "<nginx>",
    ]
    assert (machine.folder / "lib/tools-0123/requirements.txt").read_text() == "uv==1\n"


def test_tools_that_another_run_has_made_meanwhile_are_left_as_they_are(machine: Machine) -> None:
    made = machine.folder / "lib/tools-0123"
    made.mkdir(parents=True)
    (made / ".complete").touch()
    (made / ".plugins").touch()
    machine.has("apt-get")
    machine.has("python3", VENV)
    of_python(made, machine.folder / "bin/python3")
    assert machine.run("packages", "300", "0123", "", "nginx", stdin="uv==1\n").returncode == 0
    assert sorted(path.name for path in made.iterdir()) == [".complete", ".plugins", "bin", "lib"]


def of_python(tools: Path, python: Path) -> None:
    """Have tools look as if that Python had made them."""
    (tools / "bin").mkdir(parents=True, exist_ok=True)
    (tools / "bin/python").symlink_to(python)
    (tools / "lib" / python.name).mkdir(parents=True)


@pytest.mark.parametrize("upgraded", [False, True])
def test_tools_of_another_python_than_the_machines_are_made_anew(machine: Machine, upgraded: bool) -> None:
    made = machine.folder / "lib/tools-0123"
    made.mkdir(parents=True)
    (made / ".complete").touch()
    other = machine.folder / "opt/python3"
    other.parent.mkdir()
    other.touch()
    machine.has("python3", VENV)
    of_python(made, machine.folder / "bin/python3" if upgraded else other)
    if upgraded:
        (made / "lib/python3").rename(made / "lib/python3.11")
    done = machine.run("tools", "0123", "notes", stdin="uv==1\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert machine.record[0].startswith("python3 <-m> <venv>")
    assert not (made / "lib").exists()


@pytest.mark.parametrize("recorded", ["traefik", "nginx"])
def test_a_proxy_that_is_a_tool_is_kept_for_as_long_as_it_is_the_machines(machine: Machine, recorded: str) -> None:
    """Another one may take its place later in the deploy; until then it may be started anew at any moment."""
    lib, record = machine.folder / "lib", machine.folder / "etc/homeport/proxy.json"
    of_python(lib / "tools-0123", machine.folder / "bin/python3")
    of_python(lib / "tools-4567", machine.folder / "bin/python3")
    (lib / "tools-4567/.complete").touch()
    (lib / "tools-0123/bin/traefik").write_text("program")
    (lib / "tools").symlink_to("tools-0123")
    machine.has("python3")
    record.parent.mkdir(parents=True)
    record.write_text(f'{{"proxy": "{recorded}"}}\n')
    assert machine.run("tools", "4567", "notes", stdin="uv==1\n").returncode == 0
    assert sorted(path.name for path in lib.iterdir()) == ["tools", "tools-4567"]
    assert (lib / "tools/bin/traefik").exists() == (recorded == "traefik")


def test_tools_that_cannot_be_made_do_not_keep_the_packages_from_being_installed(machine: Machine) -> None:
    machine.has("apt-get")
    machine.has("python3", "echo 'error: no venv' >&2; exit 1")
    done = machine.run("packages", "300", "0123", "", "nginx", stdin="uv==1\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert machine.record[-1].endswith("<nginx>") or machine.record[-2].endswith("<nginx>")
    assert list((machine.folder / "lib").iterdir()) == []


def test_only_homeports_own_line_begins_as_an_error_whatever_a_tool_says(machine: Machine) -> None:
    machine.has("python3", "echo 'error: no venv'; exit 1")
    (machine.folder / "lib").mkdir()
    done = machine.run("tools", "0123", "hello", stdin="uv==1\n")
    assert "no venv" in refused(done)
    assert done.stdout.splitlines()[-1] == "    error: no venv"


UPGRADED = "Packages that will be upgraded: openssl tree"


def test_upgrades_are_downloaded_by_apt_get_and_chosen_by_unattended_upgrades(machine: Machine) -> None:
    machine.has("apt-get")
    machine.has("unattended-upgrade", f"echo '2026-05-04 03:00:00,000 INFO {UPGRADED}'")
    done = machine.run("upgrade", "300")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("upgraded: openssl tree")
    update, download, chosen = machine.record
    assert update.endswith("<update>")
    assert "<--download-only>" in download
    assert download.endswith("<upgrade>")
    assert chosen == "unattended-upgrade <--verbose>"


@pytest.mark.parametrize(
    ("apt", "chooses", "said"),
    [
        ("", None, "unattended-upgrades is not on the host; set security_upgrades = True and deploy"),
        ("echo 'E: Failed to fetch x'; exit 100", "", "the package lists cannot be read"),
        ("case $* in *upgrade) echo 'E: no room'; exit 100 ;; esac", "", "cannot be downloaded: no room"),
        ("", "echo bad; exit 1", "unattended-upgrade did not succeed"),
        ("", "echo 'Lock could not be acquired (another package manager running?)'", "did not succeed"),
    ],
)
def test_upgrades_that_cannot_be_had_are_one_line(machine: Machine, apt: str, chooses: str | None, said: str) -> None:
    machine.has("apt-get", apt)
    if chooses is not None:
        machine.has("unattended-upgrade", chooses)
    elif shutil.which("unattended-upgrade"):
        pytest.skip("this machine has it")
    assert said in refused(machine.run("upgrade", "0"))


def ended(asked: Path) -> None:
    """Wait until what was begun to be asked has ended."""
    subprocess.run(["flock", "-w", "30", str(asked / "lock"), "true"], check=True)


def test_a_certificate_is_asked_for_beside_other_steps_and_one_at_a_time(machine: Machine) -> None:
    asked = machine.folder / "run/asked-notes"
    machine.has(
        "certbot",
        f"for _ in $(seq 400); do [ ! -e {machine.folder}/go ] || break; sleep 0.05; done; echo no such name; exit 1",
    )
    machine.has("useradd")
    for _ in range(2):
        done = machine.run("request", "notes", "certbot certonly")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    # The step's lock is free, the certificate's is not.
    assert machine.run("accounts", "comment", "notes", "/var/lib/notes").returncode == 0
    assert not (asked / "status").exists()
    (machine.folder / "go").touch()
    ended(asked)
    assert machine.record.count("certbot <certonly>") == 1
    assert (asked / "status").read_text() == "1\n"
    assert (asked / "log").read_text() == "no such name\n"
    assert asked.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("command", "times"), [("certbot certonly", 1), ("certbot certonly --force-renewal", 2)])
def test_an_authority_that_has_answered_is_not_asked_again(machine: Machine, command: str, times: int) -> None:
    machine.has("certbot", "echo '  Detail: the name is unknown'; exit 1")
    assert machine.run("request", "notes", "certbot certonly").returncode == 0
    done = machine.run("certificate", "notes", "https://ca/dir", "a.example.com,b.example.com", command)
    line = refused(done)
    assert line.startswith(
        "error: certificate: the authority gave none for a.example.com b.example.com: the authority cannot see the name"
    )
    assert "Detail: the name is unknown" in done.stdout
    assert len(machine.record) == times
    assert not (machine.folder / "run/asked-notes").exists()


def test_a_failure_that_nobody_was_told_of_is_not_added_to_before_the_last_phase(machine: Machine) -> None:
    asked = machine.folder / "run/asked-notes"
    machine.has("certbot", "echo '  Detail: the name is unknown'; exit 1")
    for _ in range(3):
        assert machine.run("request", "notes", "certbot certonly").returncode == 0
        ended(asked)
    assert machine.record == ["certbot <certonly>"]
    done = machine.run("certificate", "notes", "https://ca/dir", "a.example.com", "certbot certonly")
    assert "cannot see the name" in refused(done)
    assert machine.record == ["certbot <certonly>"] * 2


def test_a_certificate_that_a_killed_run_has_asked_for_elsewhere_is_replaced(machine: Machine) -> None:
    machine.has("certbot")
    assert machine.run("request", "notes", "certbot --server https://staging").returncode == 0
    ended(machine.folder / "run/asked-notes")
    machine.run("certificate", "notes", "https://ca", "a.example.com", "certbot --server https://ca")
    assert machine.record == [
        "certbot <--server> <https://staging>",
        "certbot <--server> <https://ca> <--force-renewal>",
    ]


OURS = "[renewalparams]\nauthenticator = webroot\nwebroot_path = /var/www/homeport-acme,\n"
THEIRS = "[renewalparams]\nauthenticator = webroot\nwebroot_path = /var/www/html,\n"


@pytest.mark.parametrize(("renewal", "deleted"), [(OURS, True), (THEIRS, False), (None, False)])
def test_only_a_lineage_of_ours_is_deleted_when_a_certificate_is_brought(
    machine: Machine, renewal: str | None, deleted: bool
) -> None:
    (machine.folder / "etc/homeport/notes").mkdir(parents=True)
    (machine.folder / "etc/letsencrypt/renewal").mkdir(parents=True)
    if renewal:
        (machine.folder / "etc/letsencrypt/renewal/notes.conf").write_text(renewal)
    (machine.folder / "lib").symlink_to(machine.folder / "bin")
    machine.has("homeport-host")
    machine.has("certbot")
    done = machine.run("provided", "notes", "/etc/homeport/notes/certificate-1")
    assert (done.returncode, done.stderr) == (0, "")
    assert ("certbot <delete> <--non-interactive> <--cert-name> <notes>" in machine.record) is deleted


def test_a_renewal_by_hand_is_of_a_lineage_of_ours_and_runs_no_hooks_of_others(machine: Machine) -> None:
    renewal = machine.folder / "etc/letsencrypt/renewal/notes.conf"
    renewal.parent.mkdir(parents=True)
    (machine.folder / "lib").symlink_to(machine.folder / "bin")
    machine.has("homeport-host")
    machine.has("certbot")
    machine.has("openssl")
    renewal.write_text(THEIRS)
    assert "is not homeport's" in refused(machine.run("renew", "notes"))
    assert machine.record == []
    renewal.write_text(OURS)
    assert machine.run("renew", "notes").returncode == 0
    assert "<--no-directory-hooks> <--pre-hook> <> <--post-hook> <> <--deploy-hook>" in machine.record[0]


BUSY = "Another instance of Certbot is already running."


def test_another_certbot_is_waited_for(machine: Machine) -> None:
    machine.has("sleep")
    machine.has("certbot", f'[ "$(grep -c certbot {machine.calls})" -gt 2 ] || {{ echo "{BUSY}"; exit 1; }}; exit 7')
    assert "error: certificate" in machine.run("certificate", "notes", "https://ca/dir", "a", "certbot x").stderr
    assert [line.split()[0] for line in machine.record] == ["certbot", "sleep", "certbot", "sleep", "certbot"]


def test_another_certbot_is_not_waited_for_for_ever_and_is_no_answer_of_the_authority(machine: Machine) -> None:
    machine.has("sleep")
    machine.has("date", f"echo $(($(grep -c date {machine.calls}) * 1000))")
    machine.has("certbot", f'echo "{BUSY}"; exit 1')
    assert machine.run("request", "notes", "certbot x").returncode == 0
    ended(machine.folder / "run/asked-notes")
    asked = machine.record.count("certbot <x>")
    done = machine.run("certificate", "notes", "https://ca/dir", "a.example.com", "certbot x")
    assert "another Certbot has been at work on this host for five minutes" in refused(done)
    assert machine.record.count("certbot <x>") > asked


DF = """
case $1,$2 in
-Pk,*/full) echo "/dev/b 9 9 1024 99% /data" ;;
-Pi,*/full) echo "/dev/b 90 10 80 10% /data" ;;
-Pk,*/files) echo "/dev/c 9 9 2097152 99% /files" ;;
-Pi,*/files) echo "/dev/c 90 89 1 99% /files" ;;
-Pk,*) echo "/dev/a 9 9 1048576 10% /" ;;
-Pi,*) echo "/dev/a 0 0 0 - /" ;;
esac | sed "1i header"
"""


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (("plain",), "/ (1024 MB and unlimited inodes are free)"),
        (("plain", "full", "no-such-folder"), "/data (1 MB and 80 inodes are free)"),
        (("files", "plain"), "/files (2048 MB and 1 inodes are free)"),
    ],
)
def test_a_full_disk_is_named_with_what_is_free_on_it(machine: Machine, folders: tuple[str, ...], said: str) -> None:
    machine.has("df", DF)
    for name in ("plain", "full", "files"):
        (machine.folder / name).mkdir()
    places = " ".join(str(machine.folder / name) for name in folders)
    words = "tar: x: Cannot write: No space left on device"
    done = machine.shell_out(f'disk_full "{words}" {places} && echo yes')
    assert done.stdout == (
        f"the disk is full: no space is left on the file system {said}; free some and deploy again\nyes\n"
    )


def test_another_failure_is_no_full_disk(machine: Machine) -> None:
    assert machine.shell_out('disk_full "no such package" /tmp || echo no').stdout == "no\n"


def test_services_are_enabled_and_started_in_their_order(machine: Machine) -> None:
    machine.has("systemctl")
    done = machine.run("services", "enable", "a.timer", "start", "a.timer", "reload", "systemd")
    assert (done.returncode, done.stderr) == (0, "")
    assert machine.record == [
        "systemctl <daemon-reload>",
        "systemctl <is-enabled> <a.timer>",
        "systemctl <-q> <enable> <a.timer>",
        "systemctl <-q> <start> <a.timer>",
    ]


def test_the_state_of_a_unit_before_it_was_enabled_is_recorded_for_a_removal(machine: Machine) -> None:
    machine.has(
        "systemctl", "case $* in 'is-enabled a.timer') echo disabled ;; is-active*) echo inactive; exit 3 ;; esac"
    )
    done = machine.run("services", "enable", "a.timer", "enable", "b.timer", "start", "c.timer")
    assert (done.returncode, done.stderr) == (0, "")
    noted = {path.name: path.read_text() for path in (machine.folder / "state/units").iterdir()}
    assert noted == {"a.timer": "inactive\n"}


def test_a_service_that_does_not_start_is_named_after_the_last_lines_of_its_journal(machine: Machine) -> None:
    machine.has("systemctl", "case $* in *start*) exit 1 ;; esac")
    machine.has("journalctl", "echo the reason")
    done = machine.run("services", "enable", "nginx.service", "start", "nginx.service", "start", "b.service")
    assert refused(done) == (
        "error: nginx.service: systemctl start failed; see 'journalctl -u nginx.service' on the host"
    )
    assert done.stdout == "    the reason\n"
    assert "b.service" not in "".join(machine.record)


CHANGE_OF_PROXY = (
    *("stop", "nginx.service", "start", "haproxy.service", "record", "haproxy"),
    *("enable", "haproxy.service", "disable", "nginx.service", "start", "b.timer", "reload", "haproxy.service"),
)
JOURNAL = """cat <<'END'
[NOTICE]   (7) : haproxy version is 3.0
[ALERT]    (7) : [/usr/sbin/haproxy.main()] FD limit (20000) too low for maxconn=16384/maxsock=32822.
[ALERT]    (7) : Starting frontend homeport_http: cannot bind socket (Address already in use) [0.0.0.0:80]
[ALERT]    (7) : [haproxy.main()] Some protocols failed to start their listeners! Exiting.
END"""


def with_proxies(machine: Machine, *, systemctl: str = "", program: str = "") -> Path:
    """Have stand-ins for what a change of proxy calls; return the machine's record of its proxy."""
    machine.has("systemctl", systemctl)
    machine.has("journalctl", JOURNAL)
    machine.has("homeport-host", program)
    (machine.folder / "lib").mkdir()
    (machine.folder / "bin/homeport-host").rename(machine.folder / "lib/homeport-host")
    record = machine.folder / "etc/homeport/proxy.json"
    record.parent.mkdir(parents=True)
    return record


def test_the_proxy_is_recorded_when_it_serves_and_the_old_one_disabled_after_that(machine: Machine) -> None:
    record = with_proxies(machine, program=f"[ ! -e {machine.folder}/etc/homeport/proxy.json ] || echo recorded")
    done = machine.run("services", *CHANGE_OF_PROXY)
    # Once it is recorded, it is asked what it serves as after any other change.
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "recorded\n")
    assert machine.record == [
        "systemctl <daemon-reload>",
        "systemctl <-q> <stop> <nginx.service>",
        "systemctl <-q> <start> <haproxy.service>",
        "homeport-host <reload-proxy> <--proxy> <haproxy>",
        "systemctl <-q> <is-active> <haproxy.service>",
        "systemctl <is-enabled> <haproxy.service>",
        "systemctl <-q> <enable> <haproxy.service>",
        "systemctl <-q> <disable> <--now> <nginx.service>",
        "systemctl <-q> <start> <b.timer>",
        "homeport-host <reload-proxy> <--proxy> <haproxy>",
    ]
    assert record.read_text() == '{"proxy": "haproxy"}\n'
    assert record.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in record.parent.iterdir()] == ["proxy.json"]


def test_a_machine_that_gets_nginx_back_has_no_record(machine: Machine) -> None:
    record = with_proxies(machine)
    record.write_text('{"proxy": "haproxy"}\n')
    assert machine.run("services", "stop", "haproxy.service", "start", "nginx.service", "record", "nginx").stderr == ""
    assert not record.exists()


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("caddy", "Error: reading config file: open /x: gone"),
        (
            "traefik",
            '{"level":"error","error":"command traefik error: reading config file: open /x: gone",'
            '"time":"2030-01-01T10:00:00Z","message":"Command error"}',
        ),
    ],
)
def test_the_proxys_own_words_say_why_it_does_not_start(machine: Machine, proxy: str, said: str) -> None:
    with_proxies(machine, systemctl=f"case $* in '-q start {proxy}.service') exit 1 ;; esac")
    machine.has("journalctl", f"""echo '{{"level":"info","msg":"x"}}'; echo '{said}'""")
    done = machine.run("services", "start", f"{proxy}.service")
    assert refused(done) == (
        f"error: {proxy}.service: systemctl start failed: reading config file: open /x: gone; "
        f"see 'journalctl -u {proxy}.service' on the host"
    )


def test_a_proxy_that_does_not_start_gives_its_place_back(machine: Machine) -> None:
    record = with_proxies(machine, systemctl="case $* in '-q start haproxy.service') exit 1 ;; esac")
    done = machine.run("services", *CHANGE_OF_PROXY)
    assert refused(done) == (
        "error: haproxy.service: systemctl start failed: Starting frontend homeport_http: cannot bind socket (Address "
        "already in use) [0.0.0.0:80]; nginx.service serves again; see 'journalctl -u haproxy.service' on the host"
    )
    calls = [line for line in machine.record if line.startswith("systemctl")]
    # It would be tried for ever, and is not to start at the next boot either.
    assert calls[3:] == [
        "systemctl <-q> <disable> <--now> <haproxy.service>",
        "systemctl <daemon-reload>",
        "systemctl <-q> <start> <nginx.service>",
        # systemd may have been at work on another try.
        "systemctl <-q> <reset-failed> <haproxy.service>",
    ]
    assert not record.exists()


def test_a_proxy_that_runs_and_does_not_serve_gives_its_place_back(machine: Machine) -> None:
    said = "haproxy does not serve the certificate on the disk for notes.test"
    record = with_proxies(machine, program=f"echo 'error: homeport-host: {said}' >&2; exit 1")
    done = machine.run("services", *CHANGE_OF_PROXY)
    assert said in refused(done)
    assert "nginx.service serves again" in done.stderr
    assert machine.record[-3] == "systemctl <-q> <start> <nginx.service>"
    assert not record.exists()


def test_a_proxy_that_cannot_get_its_place_back_is_named(machine: Machine) -> None:
    with_proxies(machine, systemctl="case $* in '-q start '*) exit 1 ;; esac")
    done = machine.run("services", *CHANGE_OF_PROXY)
    assert "; nginx.service does not start again either; see 'journalctl -u haproxy.service'" in refused(done)


def test_what_fails_after_the_new_proxy_serves_leaves_it_serving(machine: Machine) -> None:
    record = with_proxies(machine, systemctl="case $* in '-q start b.timer') exit 1 ;; esac")
    done = machine.run("services", *CHANGE_OF_PROXY)
    assert refused(done).startswith("error: b.timer: systemctl start failed")
    assert "systemctl <-q> <start> <nginx.service>" not in machine.record
    assert record.exists()


HOLD = (
    "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); input()"
)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_step_waits_for_one_that_a_killed_run_has_left_at_work(tmp_path: Path, shell: str) -> None:
    machine = Machine(tmp_path, shell)
    machine.has("useradd")
    (tmp_path / "run").mkdir()
    holder = [sys.executable, "-c", HOLD, str(tmp_path / "run/step.lock")]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with machine.start("accounts", "comment", "notes", "/var/lib/notes") as step:
            assert step.stdout
            assert step.stdout.readline() == "waiting for a phase of another run to end on this host\n"
            assert machine.record == []
            other.communicate("\n")
    assert step.returncode == 0
    assert machine.record


COMPILER = '"build-essential", "python3-dev"'


@pytest.mark.parametrize(("words", "packages"), [
    ("error: [Errno 2] No such file or directory: 'gcc'", COMPILER),
    ("error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'", COMPILER),
    ("error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory", COMPILER),
    ("fatal error: Python.h: No such file or directory", COMPILER),
    ("Error: pg_config executable not found.\n\npg_config is required", f'{COMPILER}, "libpq-dev"'),
    ("error: x\n  cause: Git executable not found. Ensure that Git is installed and available.", '"git"'),
    ("Cargo, the Rust package manager, is not installed or is not on PATH.", f'{COMPILER}, "cargo"'),
])  # fmt: skip
def test_a_failed_build_names_the_missing_packages(machine: Machine, words: str, packages: str) -> None:
    functions = (SCRIPTS / "missing.sh").read_text()
    done = machine.shell_out(f"{functions}\nmissing_packages {shlex.quote(words)}")
    assert (done.returncode, done.stdout) == (0, f"set packages = [{packages}]\n")


def test_an_installation_that_fails_by_something_else_lacks_nothing(machine: Machine) -> None:
    functions = (SCRIPTS / "missing.sh").read_text()
    done = machine.shell_out(f"{functions}\nmissing_packages 'error: No solution found: h11==99 was not found'")
    assert (done.returncode, done.stdout) == (1, "")


ODD = {
    **{"PIP_USER": "1", "PIP_TARGET": "/nowhere", "PIP_REQUIRE_VIRTUALENV": "1", "UV_OFFLINE": "1", "UV_NO_BUILD": "1"},
    **{
        "PYTHONPATH": "/nowhere",
        "PYTHONHOME": "/nowhere",
        "TMPDIR": "/nowhere",
        "VIRTUAL_ENV": "/nowhere",
        "X": "a\nUV_X=b",
    },
}
ON_PURPOSE = {
    **{"https_proxy": "http://proxy:3128", "NO_PROXY": "localhost", "SSL_CERT_FILE": "/etc/ssl/ours.pem"},
    **{"PIP_INDEX_URL": "https://pip.invalid/simple", "UV_DEFAULT_INDEX": "https://uv.invalid/simple"},
    **{"UV_INDEX_COMPANY_PASSWORD": "secret value", "HOME": "/root"},
}


def test_the_logins_environment_reaches_no_tool_but_for_proxies_authorities_and_indexes(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**ODD, **ON_PURPOSE}.items():
        monkeypatch.setenv(name, value)
    machine.has("useradd", f"env -0 >{machine.folder}/seen")
    assert machine.run("accounts", "ours", "notes", "/var/lib/notes").returncode == 0
    seen = dict(row.split("=", 1) for row in (machine.folder / "seen").read_text().split("\0") if row)
    assert not seen.keys() & {*ODD, "UV_X"}
    assert {name: seen.get(name) for name in ON_PURPOSE} == ON_PURPOSE
    assert set(seen) - {*ON_PURPOSE, "PATH", "PWD", "SHLVL", "OLDPWD", "_"} <= {*os.environ}


def test_only_package_sources_are_taken_from_pips_configuration(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = machine.folder / "pip.conf"
    conf.write_text(
        "[global]\nindex-url = https://one.invalid/simple\nextra_index_url =\n  https://a.invalid\n  https://b.invalid\n"
        "user = true\ntimeout = 5\n[install]\ntarget = /nowhere\nindex-url = https://two.invalid/simple\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(conf))
    monkeypatch.setenv("PIP_TIMEOUT", "9")
    machine.has("apt-get")
    ours = machine.folder / "seen"
    python = f'#!/bin/sh\ncase $* in -I*) exec {sys.executable} "$@" ;; *pip*) env >{ours} ;; esac\n'
    machine.has("python3", f'{VENV}\nprintf %s {shlex.quote(python)} >"$4/bin/python"')
    assert machine.run("packages", "300", "0123", "", "nginx", stdin="uv==1\n").returncode == 0
    seen = dict(row.split("=", 1) for row in ours.read_text().splitlines() if row.startswith("PIP_"))
    assert seen == {
        **{"PIP_CONFIG_FILE": "/dev/null", "PIP_TIMEOUT": "9", "PIP_INDEX_URL": "https://two.invalid/simple"},
        "PIP_EXTRA_INDEX_URL": "https://a.invalid https://b.invalid",
        **{name: value for name, value in seen.items() if name in ("PIP_CERT", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST")},
    }


def prepare_installation(machine: Machine) -> Path:
    """Have what dependencies.sh calls, and return the environment that it makes."""
    (machine.folder / "srv/notes/releases/one").mkdir(parents=True)
    machine.has("python3", "echo 3.13.5")
    machine.has("install", 'for last; do :; done; mkdir -p "$last"')
    machine.has("chown")
    machine.has("runuser", 'shift 3; exec "$@"')
    machine.has("uv")
    return machine.folder / "srv/notes/venvs/aaaa"


def installation(environment: Path, more: str) -> str:
    packages, bin_ = environment / "lib/python3.13/site-packages", environment / "bin"
    return f"mkdir -p {packages} {bin_} && : >{bin_}/fastapi && chmod 755 {bin_}/fastapi && {more}"


def test_root_follows_no_link_that_a_build_script_puts_into_the_environment(machine: Machine) -> None:
    environment, victim = prepare_installation(machine), machine.folder / "victim"
    victim.write_text("precious\n")
    victim.chmod(0o666)
    os.utime(victim, (1, 1))
    packages, missing = environment / "lib/python3.13/site-packages", machine.folder / "nologin"
    links = (
        *(f"ln -s {victim} {packages}/homeport-{name}.pth" for name in ("access-log", "import-path")),
        f"ln -s {missing} {environment}/.complete",
        f"ln -s {victim} {environment}/other",
    )
    line = installation(environment, " && ".join(links))
    done = machine.run("dependencies", "notes", "one", "aaaa", "", "fastapi", "", line, stdin="\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert not missing.exists()
    assert (victim.read_text(), victim.stat().st_mode & 0o777, victim.stat().st_mtime) == ("precious\n", 0o666, 1)
    mark = environment / ".complete"
    assert mark.is_file()
    assert not mark.is_symlink()
    assert environment.stat().st_mode & 0o777 == 0o755
    for name in ("access-log", "import-path"):
        assert "import os" in (packages / f"homeport-{name}.pth").read_text()
        [written] = [line for line in machine.record if line.endswith(f"homeport-{name}.pth>")]
        assert written.startswith("runuser <-u> <notes> ")
    # Whoever owns what a link leads to goes on owning it.
    chowns = [line for line in machine.record if line.startswith("chown ")]
    assert chowns[-1] == f"chown <-hRP> <root:root> <{environment}>"


def test_an_environment_that_a_build_script_calls_complete_goes_with_the_installation_that_failed(
    machine: Machine,
) -> None:
    environment = prepare_installation(machine)
    line = installation(environment, f": >{environment}/.complete && echo 'error: no wheel' && false")
    done = machine.run("dependencies", "notes", "one", "aaaa", "", "fastapi", "", line, stdin="\n")
    assert refused(done).endswith("the dependencies cannot be installed: error: no wheel")
    assert not environment.exists()


def test_gunicorn_needs_the_package_that_its_workers_are_from(machine: Machine) -> None:
    environment = prepare_installation(machine)
    line = installation(environment, "true").replace("/fastapi", "/gunicorn")
    done = machine.run("dependencies", "notes", "one", "aaaa", "", "gunicorn", "", line, stdin="\n")
    assert refused(done).endswith(
        "the dependencies do not contain uvicorn-worker, which gunicorn needs here; add uvicorn-worker to them"
    )
    assert not environment.exists()
    line += f" && mkdir {environment}/lib/python3.13/site-packages/uvicorn_worker"
    done = machine.run("dependencies", "notes", "one", "aaaa", "", "gunicorn", "", line, stdin="\n")
    assert (done.returncode, done.stderr) == (0, "")
    done = machine.run("dependencies", "notes", "one", "aaaa", "", "granian", "", line, stdin="\n")
    assert refused(done).endswith("the dependencies do not install the granian command; add granian to them")


def test_an_installation_that_cannot_begin_leaves_the_environment_of_before(machine: Machine) -> None:
    environment = prepare_installation(machine)
    environment.mkdir(parents=True)
    (environment / ".complete").touch()
    done = machine.run("dependencies", "notes", "one", "aaaa", "3.99", "fastapi", "", stdin="\n")
    assert "Python 3.99 cannot be installed" in refused(done)
    assert (environment / ".complete").exists()


def test_a_lineage_of_ours_is_known_by_one_pattern() -> None:
    assert f"grep -qsE '{renewal.OURS.pattern}'" in SCRIPTS.joinpath("certbot.sh").read_text()


def with_python(machine: Machine, environment: Path, python: str) -> None:
    """Have an environment's commands as they are, and that Python for it."""
    (environment / "bin").mkdir(parents=True, exist_ok=True)
    (environment / "lib" / Path(python).name).mkdir(parents=True, exist_ok=True)
    (environment / "bin/python").symlink_to(machine.folder / "bin" / python)


def test_an_environment_has_a_link_to_the_python_of_its_version(machine: Machine) -> None:
    # An upgrade of the distribution leads /usr/bin/python3 elsewhere, and leaves this one for a while.
    first = prepare_installation(machine)
    (machine.folder / "bin/python3").rename(machine.folder / "bin/python3.13")
    (machine.folder / "bin/python3").symlink_to("python3.13")
    done = machine.run(
        "dependencies", "notes", "one", "aaaa", "", "fastapi", "", installation(first, "true"), stdin="\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"uv <venv> <--no-managed-python> <--python> <{machine.folder}/bin/python3.13> <{first}>" in machine.record


def test_an_environment_whose_python_is_gone_stays_and_its_releases_get_another_one(machine: Machine) -> None:
    first = prepare_installation(machine)
    releases = machine.folder / "srv/notes/releases"
    with_python(machine, first, "python3.9")
    (first / ".complete").touch()
    (releases / "two").mkdir()
    (releases / "other").mkdir()
    for name, target in (("one", first), ("two", first), ("other", first.with_name("bbbb"))):
        (releases / name / ".venv").symlink_to(target)
    second = first.with_name("aaaa-2")
    line = installation(first, f"ln -s {machine.folder}/bin/python3 {first}/bin/python && mkdir {first}/lib/python3")
    done = machine.run("dependencies", "notes", "one", "aaaa", "", "fastapi", "", line, stdin="\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"uv <venv> <--no-managed-python> <--python> <{machine.folder}/bin/python3> <{second}>" in machine.record
    assert (second / ".complete").exists()
    assert (first / ".complete").exists(), "processes still run from it"
    assert [(releases / name / ".venv").readlink() for name in ("one", "two", "other")] == [
        second,
        second,
        first.with_name("bbbb"),
    ]
    assert not list(releases.glob("*/.venv.new"))
    # The next release of this lock is unpacked beside the one that is usable.
    machine.has("sync")
    found = machine.shell_out(
        ENVIRONMENTS.replace("/usr/bin/", f"{machine.folder}/bin/") + f"usable_environment {first}"
    )
    assert found.stdout == f"{second}\n"


def test_an_environment_that_fails_to_be_made_anew_leaves_the_releases_as_they_are(machine: Machine) -> None:
    first = prepare_installation(machine)
    with_python(machine, first, "python3.9")
    (first / ".complete").touch()
    link = machine.folder / "srv/notes/releases/one/.venv"
    link.symlink_to(first)
    line = installation(first, "echo 'error: no wheel' && false")
    done = machine.run("dependencies", "notes", "one", "aaaa", "", "fastapi", "", line, stdin="\n")
    assert "no wheel" in refused(done)
    assert link.readlink() == first
    assert not first.with_name("aaaa-2").exists()


@pytest.mark.parametrize("fits", [True, False])
def test_a_preview_takes_its_owners_environment_for_the_same_lock(machine: Machine, *, fits: bool) -> None:
    ours = prepare_installation(machine)
    theirs = machine.folder / "srv/shop/venvs/aaaa"
    with_python(machine, theirs, "python3" if fits else "python3.9")
    (theirs / ".complete").write_text("theirs")
    (theirs / "bin/fastapi").write_text(f"#!{theirs}/bin/python\n")
    (theirs / "bin/tool").write_text("#!/bin/sh\n")
    (theirs / "pyvenv.cfg").write_text(f"prompt = {theirs}\n")
    line = installation(ours, "true")
    done = machine.run("dependencies", "notes", "one", "aaaa", "", "fastapi", "shop", line, stdin="\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert (ours / ".complete").read_text() == ""
    assert any(line.startswith("uv <venv>") for line in machine.record) != fits
    assert (theirs / "bin/fastapi").read_text() == f"#!{theirs}/bin/python\n"
    if fits:
        assert (ours / "bin/fastapi").read_text() == f"#!{ours}/bin/python\n"
        assert (ours / "pyvenv.cfg").read_text() == f"prompt = {ours}\n"
        assert (ours / "bin/tool").samefile(theirs / "bin/tool")
