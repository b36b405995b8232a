from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyinfra.api.exceptions import FactProcessError

from homeport.facts.snapshot import parse
from homeport.host.services.unit_state import UnitState
from homeport.state.host_conditions import HostConditions
from homeport.state.listeners import Listener, OpenPorts
from homeport.state.logins import Logins, OtherAccount
from homeport.state.machine_values import MachineValues
from homeport.state.snapshot import (
    CertificateFound,
    Claim,
    Login,
    MachineFound,
    PathFound,
    PortHolder,
    SlotMemory,
    UploadedRelease,
)

READING = """\
os\tdebian\t13
architecture\tarm64
python\tpython3.13
cores\t4
meminfo\tMemTotal:        4096000 kB
meminfo\tMemAvailable:    2048000 kB
ipv6
clock\t1893456000
systemd
disk\t/srv\t4096\t2000000\t1300000\t1250000\t100000\t88000
disk\t/etc\t1024\t9000000\t4000000\t3000000\t100000\t60000
disk\t/var\t4096\t2000000\t1300000\t1250000\t0\t0
release_disk\t/srv\t1024\t9000000\t4000000\t3000000\t100000\t70000
package\tnginx\tinstalled
package\topenssl\tconfig-files
account\tnotes:x:999:999::/var/lib/notes:/usr/sbin/nologin
path\tf\t644\troot\troot\t/etc/a b\t
path\td\t1777\troot\troot\t/tmp\t
path\tl\t777\troot\troot\t/etc/homeport/notes/tls\t/etc/letsencrypt/live/notes
path\tp\t600\troot\troot\t/run/pipe\t
digest\tabc\t/etc/a b
unit\tId=nginx.service
unit\tLoadState=loaded
unit\tActiveState=active
unit\tUnitFileState=enabled
unit\tNeedDaemonReload=no
unit\t
unit\tId=notes@blue.service
unit\tLoadState=not-found
unit\tActiveState=inactive
unit\tUnitFileState=
unit\tNeedDaemonReload=yes
port\t443\tnginx\tnginx.service
port\t80\tnginx\tnginx.service
port\t80\tnginx\tnginx.service
port\t8001\tpython3\t
claim\t{"app": "blog", "domains": ["blog.example.com"], "ports": [8001, 8002]}
tools\ttools-0123456789ab
release\taaa
release\tbbb
environment\tccc
lost_environment\tddd
slot\tblue\t../releases/aaa
slot\tgreen\t/srv/notes/releases/bbb
slot_port\tblue\t8001
slot_port\tgreen\t8002
slot_memory\tgreen\t141312\t92160\t2
previous\taaa
proven\tbbb
standby\tblue
coming\t4\tmigrates
coming_file\tenv\t0ab
coming_file\tsite.conf\t1cd
green
not_before\t1892000000
not_after\t1900000000
name\tnotes.example.com
name\twww.example.com
renewal\tserver\thttps://ca.example.com/directory
proxy\tstale
removable\trelease bbb
shares\t{"app": "blog", "shares": ["/etc/homeport/firewall.nft"]}
shares\tdamaged
machine_values\t{ "app": "blog",   "values": { "reboot_time": "03:30" }, "takeovers": { "reboot_time": 1 } }
machine_values\tdamaged
ssh_port\t22
ssh_port\t2222
sshd\tport\t22
sshd\tpermitrootlogin\tno
sshd\tallowusers\tdebian
sshd\tallowusers\troot@192.0.2.1
login\tdebian\tdebian sudo\tkey
firewall\tit is not loaded
socket\ttcp   LISTEN 0      244             [::]:5432   [::]:*   users:(("postgres",pid=7,fd=6),("other",pid=9,fd=6))
socket\tudp   UNCONN 0      0     0.0.0.0%virbr0:67         0.0.0.0:*    users:(("dnsmasq",pid=8,fd=3))
socket\tudp   UNCONN 0      0            0.0.0.0:51820      0.0.0.0:*
socket\t???   UNCONN 0      0            0.0.0.0:112        0.0.0.0:*    users:(("keepalived",pid=10,fd=9))
socket\t
colleague\tbob\tbob staff\t\tpassword
colleague\troot\troot\tweak
before\tbob\tpasswordauthentication\tyes
before\tbob\tallowusers\tbob
before\tbob\tallowusers\troot
after\tbob\tpasswordauthentication\tno
staged\tyes
directory\tsss
host_key\tssh-ed25519
group\tnotes:x:1001:
lacks\tss
place\t/srv/notes\t/data/notes
place\t/var/lib/notes
linked\t/srv/notes
mount\t/
mount\t/data\tnoexec
removes\tapache2
unresolved\tdeb.example.org
nginx_refuses\tnginx: [emerg] no
opening\tblog\ttcp\t5432
opening\tblog\tudp\t8000-8010
access_pending
end
""".splitlines()


def read(*lines: str) -> list[str]:
    return [*lines, "end"]


def test_a_whole_reading_is_understood() -> None:
    found = parse(READING)
    assert found.python == "3.13"
    assert replace(found.machine, values=()) == MachineFound(
        "debian", "13", "arm64", cores=4, memory_megabytes=4000, ssh_ports=(22, 2222), root_login="no"
    )
    assert found.clock == datetime(2030, 1, 1, tzinfo=UTC)
    assert (found.free_megabytes, found.free_inodes_percent, found.has_systemd) == (2929, 60, True)
    assert (found.release_free_megabytes, found.release_free_inodes) == (2929, 70000)
    assert found.available_megabytes == 2000
    assert found.slot_ports == {"blue": 8001, "green": 8002}
    assert found.slot_memory == {"green": SlotMemory(141312, 92160, 2)}
    assert found.uploaded == UploadedRelease(4, migrates=True, files={"env": "0ab", "site.conf": "1cd"})
    assert (found.previous_release, found.proven_release, found.standby_slot) == ("aaa", "bbb", "blue")
    assert found.packages == {"nginx"}
    assert found.accounts == {"notes": "notes:x:999:999::/var/lib/notes:/usr/sbin/nologin"}
    assert found.paths == {
        "/etc/a b": PathFound("file", 0o644, "root", "root", digest="abc"),
        "/tmp": PathFound("directory", 0o1777, "root", "root"),
        "/etc/homeport/notes/tls": PathFound("link", 0o777, "root", "root", target="/etc/letsencrypt/live/notes"),
        "/run/pipe": PathFound("other", 0o600, "root", "root"),
    }
    assert found.units == {
        "nginx.service": UnitState("loaded", "active", "enabled", needs_reload=False),
        "notes@blue.service": UnitState("not-found", "inactive", "", needs_reload=True),
    }


def test_running_and_live_slots_are_parsed() -> None:
    found = parse(READING)
    assert set(found.ports) == {
        PortHolder(80, "nginx", "nginx.service"),
        PortHolder(443, "nginx", "nginx.service"),
        PortHolder(8001, "python3", ""),
    }
    assert len(found.ports) == 3
    assert found.claims == (Claim("blog", ("blog.example.com",), (8001, 8002)),)
    assert found.tools == "0123456789ab"
    assert (found.releases, found.environments) == (frozenset({"aaa", "bbb"}), frozenset({"ccc"}))
    assert found.lost_environments == frozenset({"ddd"})
    assert (found.live_slot, found.slots, found.live_release) == ("green", {"blue": "aaa", "green": "bbb"}, "bbb")
    assert found.certificate == CertificateFound(
        frozenset({"notes.example.com", "www.example.com"}),
        datetime.fromtimestamp(1892000000, UTC),
        datetime.fromtimestamp(1900000000, UTC),
        "https://ca.example.com/directory",
    )
    assert found.proxy_stale
    assert found.removable == ("release bbb",)


def test_values_that_applications_set_for_the_machine_are_parsed() -> None:
    assert parse(READING).machine.values == (MachineValues("blog", {"reboot_time": "03:30"}, {"reboot_time": 1}),)
    assert parse(read()).machine.values == ()


def test_who_gets_in_is_understood() -> None:
    found = parse(READING)
    assert found.sshd == {"port": ("22",), "permitrootlogin": ("no",), "allowusers": ("debian", "root@192.0.2.1")}
    assert (found.login, found.access_pending) == (Login("debian", ("debian", "sudo"), has_key=True), True)
    assert found.firewall == "it is not loaded"
    assert found.shares == {"blog": ("/etc/homeport/firewall.nft",), "": ()}


def test_a_bare_machine_gives_nothing() -> None:
    found = parse(read())
    assert (found.paths, found.units, found.ports, found.claims, found.certificate) == ({}, {}, (), (), None)
    assert (found.live_slot, found.live_release, found.tools, found.removable) == ("", "", "", ())
    assert (found.available_megabytes, found.release_free_megabytes, found.release_free_inodes) == (None, None, None)
    assert (found.slot_memory, found.slot_ports, found.uploaded, found.previous_release) == ({}, {}, None, "")
    assert not found.has_systemd
    assert not found.proxy_stale


def test_a_release_that_does_not_migrate_here_is_understood() -> None:
    assert parse(read("coming\t2\t")).uploaded == UploadedRelease(2, migrates=False)


@given(st.integers(0, len(READING) - 1))
def test_a_reading_that_broke_off_is_refused(lines: int) -> None:
    with pytest.raises(FactProcessError, match="incomplete"):
        parse(READING[:lines])


def test_a_reading_whose_lines_lost_their_trailing_tabs_means_the_same() -> None:
    assert parse([line.rstrip() for line in READING]) == parse(READING)


@given(st.randoms())
def test_the_order_of_the_rows_does_not_matter(shuffle: random.Random) -> None:
    rows = [line for line in READING if not line.startswith(("unit", "name"))]
    whole = parse(rows)
    shuffle.shuffle(rows)
    mixed = parse(rows)
    assert (mixed.paths, mixed.packages, mixed.ports, mixed.slots) == (
        whole.paths,
        whole.packages,
        whole.ports,
        whole.slots,
    )


@pytest.mark.parametrize(
    "noise", ["", "\t", "Welcome to web1!", "sudo: unable to resolve host web1", "\t\t\tx", "unknown\tsection"]
)
def test_lines_that_are_no_rows_are_passed_over(noise: str) -> None:
    assert parse([noise, *READING, noise]) == parse(READING)


@pytest.mark.parametrize(
    "row",
    [
        "meminfo\tMemTotal: many kB",
        "clock\t",
        "disk\t/\t-\t-",
        "port\thttp\tx\ty",
        "path\tf\t9\ta\tb\tc\td",
        "unit\tNRestarts=often",
    ],
)
def test_a_row_that_cannot_be_is_refused_and_no_traceback(row: str) -> None:
    with pytest.raises(FactProcessError, match="damaged"):
        parse(read(row))


@pytest.mark.parametrize("row", ["path\tf\t644\ta\tb\tc\td\te\tf", "package\ta\tb\tc", "slot\tblue\ta/b\tc", "port\t1"])
def test_a_row_of_another_width_does_no_harm(row: str) -> None:
    parse(read(row))


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n")) | st.sampled_from(READING)))
def test_any_output_is_understood_or_refused(lines: list[str]) -> None:
    try:
        parse(lines)
    except FactProcessError:
        return


@pytest.mark.parametrize(
    "claim", ["", "{", "[]", "null", "7", '{"app": "x"}', '{"app": "x", "domains": null, "ports": 1}']
)
def test_a_damaged_claim_claims_nothing(claim: str) -> None:
    assert parse(read(f"claim\t{claim}")).claims == (Claim("", (), ()),)


def test_a_certificate_that_cannot_be_read_is_none() -> None:
    assert parse(read("name\tnotes.example.com", "renewal\tserver\thttps://x/")).certificate is None


@pytest.mark.parametrize(
    ("rows", "live"),
    [
        ([], ""),
        (["unit\tId=notes@blue.service", "unit\tActiveState=active", "unit\tUnitFileState=disabled"], ""),
        (["unit\tId=notes@blue.service", "unit\tUnitFileState=enabled"], "aaa"),
        (["proven\tbbb"], "aaa"),
    ],
)
def test_a_release_that_was_started_in_blue_and_never_went_live_is_not_the_live_one(rows: list[str], live: str) -> None:
    """No flag means blue, whatever became of the release there: one that fails at first is linked, too."""
    assert parse(read("slot\tblue\t../releases/aaa", *rows)).live_release == live


def test_a_slot_that_is_linked_but_not_live_is_not_the_live_release() -> None:
    assert parse(read("slot\tgreen\t../releases/aaa")).live_release == ""
    assert parse(read("slot\tgreen\t../releases/aaa", "green")).live_release == "aaa"


def test_who_listens_and_what_is_open_is_understood() -> None:
    found = parse(READING)
    assert found.listeners == (
        Listener("tcp", 5432, "[::]", "postgres"),
        Listener("udp", 67, "0.0.0.0%virbr0", "dnsmasq"),
        Listener("udp", 51820, "0.0.0.0"),
        Listener("ip", 112, "0.0.0.0", "keepalived"),
    )
    assert found.openings == {"blog": (OpenPorts("tcp", 5432, 5432), OpenPorts("udp", 8000, 8010))}


def test_who_can_log_in_now_and_afterwards_is_understood() -> None:
    assert parse(READING).logins == Logins(
        other_accounts=(
            OtherAccount("bob", ("bob", "staff"), "", has_password=True),
            OtherAccount("root", ("root",), "weak"),
        ),
        before={"bob": {"passwordauthentication": ("yes",), "allowusers": ("bob", "root")}},
        after={"bob": {"passwordauthentication": ("no",)}},
        takes_passwords=True,
        directory="sss",
        host_keys=("ssh-ed25519",),
    )
    assert parse(read("refused\tBad configuration option")).logins.refused == "Bad configuration option"
    assert parse(read()).logins == Logins()


def test_host_conditions_are_parsed() -> None:
    found = parse(READING).host_conditions
    assert found == HostConditions(
        groups=frozenset({"notes"}),
        lacks=("ss",),
        places={"/srv/notes": "/data/notes"},
        linked=frozenset({"/srv/notes"}),
        mounts={"/": "", "/data": "noexec"},
        removes=("apache2",),
        unresolved="deb.example.org",
        nginx_refuses="nginx: [emerg] no",
    )
    assert found.mounted("/data/notes") == ("/data", "noexec")
    assert found.mounted("/database") == ("/", "")
