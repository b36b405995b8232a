"""The snapshot's script, really run by the shells that a host may have as `sh`, against files that the test makes."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from homeport.facts.snapshot import SCRIPT, SnapshotFact, _variables, parse
from homeport.host.system.resources import disk, file_system, parse_memory
from homeport.probe import machine
from homeport.state.listeners import Listener
from homeport.state.query import Query
from homeport.state.snapshot import PortHolder, Snapshot
from tests.pace import until

SCRIPTS = Path(__file__).parents[2] / "homeport"
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
NAMES = (
    "plain",
    "with space",
    " leading and trailing ",
    "it's",
    'double"quote',
    "$HOME ${x} `id` $(id)",
    "back\\slash\\x2d",
    "star*?[a-z]",
    "größe😀",
    "-n",
    "%s%n",
    "semi;colon&and|pipe",
    "#hash",
    "~",
)


def ask(*paths: Path | str, **names: tuple[str, ...]) -> Query:
    return Query(
        app="no-such-app",
        release="0123456789ab",
        keep_releases=5,
        paths=tuple(map(str, paths)),
        packages=names.get("packages", ()),
        accounts=names.get("accounts", ()),
        units=names.get("units", ()),
        ports=(),
        shared=names.get("shared", ()),
    )


def run(shell: str, query: Query, script: str = SCRIPT, **environment: str) -> list[str]:
    words = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
    done = subprocess.run(
        [*words, _variables(query) + script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file, a directory and a link under each of the odd names, of different modes."""
    for number, name in enumerate(NAMES):
        file, directory, link = (tmp_path / kind / name for kind in ("files", "directories", "links"))
        for one in (file, directory, link):
            one.parent.mkdir(exist_ok=True)
        file.write_bytes(name.encode() * number)
        file.chmod((0o644, 0o600, 0o755, 0o4750)[number % 4])
        directory.mkdir(mode=0o700)
        directory.chmod((0o755, 0o700, 0o1777)[number % 3])
        link.symlink_to(file if number % 2 else f"missing {name}")
    return tmp_path


def entries(folder: Path) -> list[Path]:
    return sorted(path for kind in ("files", "directories", "links") for path in (folder / kind).iterdir())


def assert_as_os_says(path: Path, found: Snapshot) -> None:
    status, one = path.lstat(), found.paths[str(path)]
    assert one.mode == stat.S_IMODE(status.st_mode)
    assert (one.owner, one.group) == (pwd.getpwuid(status.st_uid).pw_name, grp.getgrgid(status.st_gid).gr_name)
    if path.is_symlink():
        assert (one.kind, one.target, one.digest) == ("link", str(path.readlink()), "")
    elif path.is_dir():
        assert (one.kind, one.target, one.digest) == ("directory", "", "")
    else:
        assert (one.kind, one.target) == ("file", "")
        assert one.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_path_is_read_as_it_is_whatever_its_name(shell: str, folder: Path) -> None:
    paths = entries(folder)
    found = parse(run(shell, ask(*paths)))
    assert set(found.paths) == set(map(str, paths))
    for path in paths:
        assert_as_os_says(path, found)


def test_memory_and_the_disk_for_releases_are_read_as_the_kernel_has_them(shell: str) -> None:
    found = parse(run(shell, ask()))
    disk = os.statvfs("/srv")
    assert found.available_megabytes
    assert 0 < found.available_megabytes <= found.machine.memory_megabytes
    assert found.release_free_megabytes
    assert abs(found.release_free_megabytes - disk.f_bavail * disk.f_frsize / 2**20) < 512
    assert (found.release_free_inodes is None) == (disk.f_files == 0)
    if found.release_free_inodes is not None:
        assert abs(found.release_free_inodes - disk.f_favail) < 10_000


def test_of_one_machine_the_script_and_the_host_program_read_the_same(shell: str) -> None:
    """A deploy's script reads for a bare machine what the host program reads for status and doctor."""
    lines = run(shell, ask())
    rows = [line.split("\t") for line in lines]
    known = {row[1]: file_system(row[1], *map(int, row[2:8])) for row in rows if row[0] == "disk"}
    assert {"/etc", "/var"} <= set(known)
    for place, found in known.items():
        own = disk(Path(place))
        assert (found.total_bytes, found.path) == (own.total_bytes, own.path)
        # Others write meanwhile.
        assert abs(found.free_bytes - own.free_bytes) < 512 * 2**20
        assert (found.free_inodes is None) == (own.free_inodes is None)
        assert abs(found.used_percent - own.used_percent) < 2
    memory = parse_memory(Path("/proc/meminfo").read_text())
    assert parse(lines).machine.memory_megabytes == memory["MemTotal"] // 2**20


def test_who_listens_is_named_as_it_names_itself(shell: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        own = Path("/proc/self/comm").read_text().strip()
        assert Listener("tcp", port, "127.0.0.1", own) in parse(run(shell, ask())).listeners
        [one] = [one for one in machine.listeners([port]).items() if one[0] == str(port)]
    assert one == (str(port), [own])


def test_a_path_that_is_not_there_is_left_out_and_hides_no_other(shell: str, folder: Path) -> None:
    good = folder / "files" / "plain"
    found = parse(run(shell, ask(folder / "missing", good, folder / "missing" / "below", good / "below a file")))
    assert list(found.paths) == [str(good)]
    assert_as_os_says(good, found)


def test_a_path_that_is_no_file_directory_or_link_is_not_opened(shell: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found = parse(run(shell, ask(tmp_path / "pipe", "/dev/null")))
    assert {one.kind for one in found.paths.values()} == {"other"}
    assert len(found.paths) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="root gives up its rights here")
def test_a_file_that_may_not_be_read_is_found_without_a_digest_and_hides_no_other(folder: Path) -> None:
    secret, good = folder / "files" / "with space", folder / "files" / "plain"
    secret.chmod(0)
    for one in (folder, *folder.parents):
        if one.stat().st_uid == 0 and one != Path("/") and not one.stat().st_mode & 0o001:
            one.chmod(one.stat().st_mode | 0o055)
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c"]
    script = _variables(ask(secret, good)) + SCRIPT
    done = subprocess.run([*command, script], capture_output=True, text=True, check=True, timeout=60)
    found = parse(done.stdout.splitlines())
    assert found.paths[str(secret)].digest == ""
    assert found.paths[str(secret)].mode == 0
    assert_as_os_says(good, found)


def test_the_machine_is_read_as_the_system_says(shell: str) -> None:
    machine = parse(run(shell, ask("/"))).machine
    release = dict(line.partition("=")[::2] for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    assert machine.os_id == release["ID"].strip('"')
    assert machine.os_version == release.get("VERSION_ID", "").strip('"')
    assert machine.cores == os.sysconf("SC_NPROCESSORS_ONLN")
    assert machine.memory_megabytes == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    assert machine.architecture


def test_the_fullest_file_system_decides_how_much_is_free(shell: str) -> None:
    places = [path for path in ("/srv", "/etc", "/var", "/usr/local") if Path(path).exists()]
    least = min(os.statvfs(path).f_bavail * os.statvfs(path).f_frsize for path in places)
    assert abs(parse(run(shell, ask("/"))).free_megabytes - least / 2**20) < 200


def test_accounts_and_packages_are_read_by_name(shell: str) -> None:
    found = parse(run(shell, ask("/", accounts=("root", "no-such-user"), packages=("no-such-package", "dpkg"))))
    assert found.accounts == {"root": ":".join(map(str, (*pwd.getpwnam("root"),)))}
    assert found.packages == ({"dpkg"} if shutil.which("dpkg-query") else set())


def test_whose_a_file_is_is_told_by_what_it_says_and_by_what_dpkg_and_we_have_noted(shell: str, tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in ("ours", "package", "edited", "link", "other")}
    checksums = {name: hashlib.md5(name.encode(), usedforsecurity=False).hexdigest() for name in ("package", "edited")}
    (tmp_path / "status").write_text("".join(f" {places[name]} {one}\n" for name, one in checksums.items()))
    (tmp_path / "written").mkdir()
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("ours", "other")}
    (tmp_path / "written" / "notes").write_text("".join(f"{one}  {tmp_path / name}\n" for name, one in digests.items()))
    (tmp_path / "written" / "blog").write_text(f"{digests['other']}  {tmp_path}/other.more\n")
    places["ours"].write_text("#!/bin/sh\n# Written by homeport.\n")
    places["package"].write_text("package")
    places["edited"].write_text("edited by somebody\n\n\n# Written by homeport")
    places["link"].symlink_to(places["package"])
    script = SCRIPT.replace("/var/lib/dpkg/status", f"{tmp_path}/status").replace("/var/lib/homeport", str(tmp_path))
    file_origins = parse(run(shell, ask(shared=tuple(map(str, places.values()))), script)).file_origins
    assert file_origins.marked == {str(places["ours"])}
    assert file_origins.pristine == {str(places["package"]), str(places["link"])}
    assert file_origins.written == {(str(places["ours"]), digests["ours"])}


def test_the_servers_of_others_in_nginx_are_read_with_what_makes_them_a_default(shell: str, tmp_path: Path) -> None:
    for folder in ("conf.d", "sites-enabled", "homeport"):
        (tmp_path / folder).mkdir()
    (tmp_path / "conf.d/a.conf").write_text(
        "upstream x { server 127.0.0.1:1; }\nserver{listen 80;listen\n\t443 ssl\n;}\n"
    )
    (tmp_path / "conf.d/b.off").write_text("server { listen 80 default_server; }\n")
    (tmp_path / "sites-enabled/b c").write_text(
        "server {\n  # listen 81;\n  listen [::]:443 ssl default_server; # 82\n  ssl_protocols TLSv1.2;\n"
        "  location / { proxy_pass http://x; }\n  ssl_ecdh_curve secp521r1;\n}\n"
    )
    (tmp_path / "homeport/00-default.conf").symlink_to(tmp_path / "conf.d/b.off")
    found = parse(run(shell, ask(), SCRIPT.replace("/etc/nginx", str(tmp_path)))).servers
    assert [(Path(one.file).name, one.listens) for one in found] == [
        ("a.conf", ("80", "443 ssl")),
        ("b c", ("[::]:443 ssl default_server",)),
        ("00-default.conf", ("80 default_server",)),
    ]
    assert (found[1].protocols, found[1].curves) == (("TLSv1.2",), "secp521r1")


@pytest.mark.parametrize(("inside", "is_occupied"), [("", False), ("lost+found", False), ("website", True)])
def test_a_folder_that_only_a_new_file_system_has_something_in_is_empty(
    shell: str, tmp_path: Path, inside: str, *, is_occupied: bool
) -> None:
    disk = tmp_path / "disk"
    (disk / inside).mkdir(parents=True)
    (tmp_path / "srv").mkdir()
    # A disk of its own may be behind a link.
    (tmp_path / "srv/no-such-app").symlink_to(disk)
    script = SCRIPT.replace('"/srv/', f'"{tmp_path}/srv/')
    assert parse(run(shell, ask(), script)).occupied == ({f"{tmp_path}/srv/no-such-app"} if is_occupied else set())


def test_which_of_our_folders_is_a_link_itself_is_read(shell: str, tmp_path: Path) -> None:
    (tmp_path / "disk/no-such-app").mkdir(parents=True)
    (tmp_path / "var").mkdir()
    (tmp_path / "var/lib").symlink_to(tmp_path / "disk")
    script = SCRIPT.replace('"/var/lib/', f'"{tmp_path}/var/lib/')
    found = parse(run(shell, ask(), script)).host_conditions
    state = f"{tmp_path}/var/lib/no-such-app"
    assert (found.places[state], state in found.linked) == (f"{tmp_path}/disk/no-such-app", False)
    (tmp_path / "disk/no-such-app").rename(tmp_path / "elsewhere")
    (tmp_path / "disk/no-such-app").symlink_to(tmp_path / "elsewhere")
    assert state in parse(run(shell, ask(), script)).host_conditions.linked


def test_irreplaceable_files_are_found_by_mounts_and_attributes(shell: str, tmp_path: Path) -> None:
    mounted, immutable, plain = (tmp_path / name for name in ("mounted", "with space", "plain"))
    table = tmp_path / "mountinfo"
    table.write_text(f"1 2 0:1 / /proc rw - proc proc rw\n36 35 98:0 /x {mounted} rw - ext4 /dev/root rw\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    lines = "".join(f"echo '{flags} {path}'\n" for flags, path in (("--i---e--", immutable), ("------e--", plain)))
    (programs / "lsattr").write_text(f"#!/bin/sh\n{lines}")
    (programs / "lsattr").chmod(0o755)
    script = SCRIPT.replace("/proc/self/mountinfo", str(table))
    output = run(shell, ask(mounted, immutable, plain), script, PATH=f"{programs}:{os.environ['PATH']}")
    assert parse(output).fixed == {str(mounted): "mount", str(immutable): "attribute"}


def test_the_language_of_the_login_does_not_matter(shell: str, folder: Path) -> None:
    query = ask(*entries(folder))
    assert parse(run(shell, query, LANG="de_DE.UTF-8", LC_ALL="tr_TR.UTF-8")).paths == parse(run(shell, query)).paths


def test_nothing_in_a_name_is_taken_for_a_command(shell: str, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    names = (
        f"$(touch {trap})",
        f"`touch {trap}`",
        f"'; touch {trap}; '",
        f'"; touch {trap}; "',
        f"a\\'; touch {trap} #",
    )
    run(shell, ask(*names, accounts=names, packages=names, units=names))
    assert not trap.exists()


def test_the_command_is_the_script_run_by_sh(folder: Path) -> None:
    command = SnapshotFact().command(ask(folder / "files" / "it's"))
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=60)
    assert_as_os_says(folder / "files" / "it's", SnapshotFact().process(done.stdout.splitlines()))


def test_reading_changes_nothing(shell: str, folder: Path) -> None:
    def state() -> list[tuple[str, int, int, int]]:
        return [
            (str(path), status.st_mode, status.st_mtime_ns, status.st_ctime_ns)
            for path in sorted(folder.rglob("*"))
            for status in (path.lstat(),)
        ]

    before = state()
    run(shell, ask(*entries(folder), folder / "missing"))
    assert state() == before


@pytest.mark.parametrize("shell_name", SHELLS)
@pytest.mark.parametrize("script", sorted(SCRIPTS.rglob("*.sh")), ids=lambda path: path.name)
def test_every_script_is_understood_by_every_shell(script: Path, shell_name: str) -> None:
    words = ["busybox", "sh"] if shell_name == "busybox" else [shell_name]
    done = subprocess.run([*words, "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# 2086: names are split on purpose; 2154: variables come before the text; 1091, 2016: for information only.
@pytest.mark.parametrize("script", sorted(SCRIPTS.rglob("*.sh")), ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("shellcheck")),
        "--shell=sh",
        "--exclude=SC2086,SC2154,SC1091,SC2016",
        str(script),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == ""


SOCKETS = """\
icmp6 UNCONN 0 0        *%ens3:58    *:* users:(("systemd-network",pid=411,fd=22))
??? UNCONN 0 0       0.0.0.0:112   0.0.0.0:* users:(("keepalived",pid=9,fd=12))
udp UNCONN 0      0      10.213.190.1:53    0.0.0.0:* users:(("dnsmasq",pid=11863,fd=4))
udp UNCONN 0      0      0.0.0.0:51820    0.0.0.0:*
tcp LISTEN 0      128         [::]:22  [::]:* users:(("sshd",pid=1,fd=4))
tcp LISTEN 0      511       127.0.0.53%lo:53 0.0.0.0:* users:(("nginx: master",pid=7289,fd=4),("nginx",pid=1,fd=4))
tcp LISTEN 0      511       127.0.0.1:8001 0.0.0.0:* users:(("nginx",pid=7289,fd=4))
"""


def test_listeners_are_read_with_their_programs(shell: str, tmp_path: Path) -> None:
    program = tmp_path / "ss"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{SOCKETS}END\n")
    program.chmod(0o755)
    found = parse(run(shell, replace(ask(), ports=(8001,)), PATH=f"{tmp_path}:{os.environ['PATH']}"))
    assert found.listeners == (
        Listener("ip", 58, "*%ens3", "systemd-network"),
        Listener("ip", 112, "0.0.0.0", "keepalived"),
        Listener("udp", 53, "10.213.190.1", "dnsmasq"),
        Listener("udp", 51820, "0.0.0.0"),
        Listener("tcp", 22, "[::]", "sshd"),
        Listener("tcp", 53, "127.0.0.53%lo", "nginx: master"),
        Listener("tcp", 8001, "127.0.0.1", "nginx"),
    )
    assert 22 in found.machine.ssh_ports


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        ("", [PortHolder(8001, "", "")]),
        # A worker that ended after it was listed, and the manager that started another one.
        ('users:(("fastapi",pid={gone},fd=3),("fastapi",pid={here},fd=3))', [PortHolder(8001, "{comm}", "")]),
        ('users:(("fastapi",pid={here},fd=3),("fastapi",pid={gone},fd=3))', [PortHolder(8001, "{comm}", "")]),
        ('users:(("fastapi",pid={gone},fd=3))', []),
    ],
)
def test_who_holds_a_port_is_told_though_one_of_several_has_ended(
    shell: str, tmp_path: Path, users: str, expected: list[PortHolder]
) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    told = users.format(gone=ended.pid, here=os.getpid())
    program = tmp_path / "ss"
    program.write_text(f"#!/bin/sh\ncat <<'END'\ntcp LISTEN 0 511 127.0.0.1:8001 0.0.0.0:* {told}\nEND\n")
    program.chmod(0o755)
    found = parse(run(shell, replace(ask(), ports=(8001,)), PATH=f"{tmp_path}:{os.environ['PATH']}"))
    comm = Path("/proc/self/comm").read_text().strip()
    # The unit of a test is that of who runs it.
    assert [replace(one, unit="") for one in found.ports] == [
        replace(one, process=one.process.format(comm=comm)) for one in expected
    ]


STAND_INS = {
    "dpkg-query": "printf 'ours:installed '",
    "apt-get": """case $* in
*update*) echo "'http://deb.example.invalid:80/debian/dists/x' x 0 " ;;
*install\\ theirs) printf 'Remv rival [1.0]\\nInst theirs (2.0)\\n' ;;
esac""",
    "apt-config": "exit 0",
    "getent": "exit 2",
    "env": 'exec /usr/bin/env "$@"',
}


@pytest.mark.parametrize("proxy", ["", "http://proxy.example.invalid"])
def test_packages_that_apt_would_remove_and_unknown_names_are_read(shell: str, tmp_path: Path, proxy: str) -> None:
    for name, body in STAND_INS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    clean = {name: "" for name in os.environ if name.lower().endswith("proxy")}
    environment = {**clean, "http_proxy": proxy, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    if shell == "busybox":
        pytest.skip("busybox has some of these itself")
    found = parse(run(shell, ask(packages=("ours", "theirs")), **environment)).host_conditions
    assert found.removes == ("rival",)
    assert found.unresolved == ("" if proxy else "deb.example.invalid")
    # A host that goes out by the controller finds no names by itself, and need not.
    led = parse(
        run(shell, replace(ask(packages=("ours", "theirs")), outbound="controller"), **environment)
    ).host_conditions
    assert (led.removes, led.unresolved) == (("rival",), "")
    # Where nothing is missing, nothing is asked.
    assert parse(run(shell, ask(packages=("ours",)), **environment)).host_conditions.removes == ()


def test_apt_is_not_asked_about_a_clock_that_another_program_keeps(shell: str, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    for name, body in {**STAND_INS, "systemd-detect-virt": "exit 0", "apt-get": f"touch {asked}"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    if shell == "busybox":
        pytest.skip("busybox has some of these itself")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    run(shell, ask(packages=("ours", "systemd-timesyncd")), **environment)
    assert not asked.exists()
    run(shell, ask(packages=("ours", "systemd-timesyncd", "theirs")), **environment)
    assert asked.exists()


def test_folders_are_followed_to_where_they_are_and_how_that_is_mounted(shell: str) -> None:
    found = parse(run(shell, ask(accounts=("root",)))).host_conditions
    assert found.places["/srv/no-such-app"] == str(Path("/srv/no-such-app").resolve())
    assert found.mounts["/"] in ("", "ro", "noexec")
    assert found.groups == {"root"}


def test_a_step_that_is_at_work_is_read_and_waited_for_when_that_is_asked(shell: str, tmp_path: Path) -> None:
    lock = tmp_path / "step.lock"
    script = SCRIPT.replace("/run/homeport/step.lock", str(lock))
    assert not parse(run(shell, ask(), script)).at_work
    lock.touch()
    assert not parse(run(shell, ask(), script)).at_work
    with subprocess.Popen(["flock", str(lock), "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as step:
        assert until(lambda: subprocess.run(["flock", "-n", str(lock), "true"], check=False).returncode != 0)
        assert parse(run(shell, ask(), script)).at_work
        read: list[Snapshot] = []
        waiting = threading.Thread(target=lambda: read.append(parse(run(shell, ask(), _variables(ask(), 30) + script))))
        waiting.start()
        assert step.stdin
        step.stdin.close()
        waiting.join()
    assert not read[0].at_work
