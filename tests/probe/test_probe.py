"""What the probe makes of files, locks, name servers and packets' filters; on this machine, with real ones."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sqlite3
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.host.proxies.nginx.proxy import Nginx
from homeport.host.system.layout import Layout
from homeport.host.system.lock import is_locked
from homeport.probe import application, database, handshakes, machine, names, site
from homeport.state.snapshot import MachineFound
from tests.nginx_sites import files
from tests.pace import patience
from tests.state.builders import make_settings

A_RECORD = b"\xc0\x0c" + struct.pack("!HHIH", names.A, names.IN, 60, 4) + bytes([192, 0, 2, 7])


def reply(query: bytes, *, code: int = 0, records: tuple[bytes, ...] = ()) -> bytes:
    number = struct.unpack_from("!H", query)[0]
    return struct.pack("!6H", number, 0x8180 | code, 1, len(records), 0, 0) + query[12:] + b"".join(records)


def test_the_addresses_of_an_answer_are_read_past_its_aliases() -> None:
    query = names.question(7, "notes.example.com", names.A)
    alias = b"\xc0\x0c" + struct.pack("!HHIH", 5, names.IN, 60, 2) + b"\xc0\x0c"
    assert names.answer(reply(query, records=(alias, A_RECORD)), 7, names.A) == ["192.0.2.7"]


@pytest.mark.parametrize(("code", "word"), [(3, "NXDOMAIN"), (2, "SERVFAIL"), (5, "refuses")])
def test_a_name_server_that_says_no_is_quoted(code: int, word: str) -> None:
    query = names.question(7, "notes.example.com", names.A)
    with pytest.raises(LookupError, match=word):
        names.answer(reply(query, code=code), 7, names.A)


@pytest.mark.parametrize("message", [b"", b"\0" * 11, reply(names.question(7, "a.b", names.A), records=(b"\xc0",))])
def test_a_damaged_answer_is_told_from_a_no(message: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        names.answer(message, 7, names.A)


def test_an_answer_to_another_question_is_refused() -> None:
    with pytest.raises(ValueError, match="another question"):
        names.answer(reply(names.question(8, "a.b", names.A)), 7, names.A)


def test_the_name_servers_are_those_of_resolv_conf() -> None:
    assert names.nameservers("# old\nsearch x\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n") == [
        "192.0.2.1",
        "2001:db8::1",
    ]


@pytest.fixture
def opened(tmp_path: Path) -> Path:
    """A database with a write-ahead log."""
    path = tmp_path / "db.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE notes (id INTEGER)")
    connection.commit()
    connection.close()
    return path


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
connection.execute("SELECT * FROM notes").fetchall()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(opened: Path, request: pytest.FixtureRequest) -> Iterator[int]:
    """Another process that is in a transaction."""
    mode, begin = request.param
    sqlite3.connect(opened).execute(f"PRAGMA journal_mode = {mode}")
    command = [sys.executable, "-c", HOLD, str(opened), begin]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process.pid
        process.communicate("")


@pytest.mark.parametrize(
    ("held", "locked"),
    [
        (("wal", "BEGIN IMMEDIATE"), True),
        (("delete", "BEGIN IMMEDIATE"), True),
        (("delete", "BEGIN EXCLUSIVE"), True),
        (("wal", "BEGIN"), False),
        (("delete", "BEGIN"), False),
    ],
    indirect=["held"],
)
def test_who_writes_to_a_database_is_seen_and_who_reads_is_not(opened: Path, held: int, locked: bool) -> None:
    assert database.holder(opened) == (held if locked else 0)


def test_asking_who_writes_takes_no_lock(opened: Path) -> None:
    connection = sqlite3.connect(opened, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    database.holder(opened)
    connection.execute("INSERT INTO notes VALUES (1)")
    connection.execute("COMMIT")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql+psycopg://user:secret@db.example.com/notes", ("db.example.com", 5432)),
        ("postgres://db.example.com:6000/notes", ("db.example.com", 6000)),
        ("postgresql:///notes", ("/var/run/postgresql/.s.PGSQL.5432", 0)),
        ("postgresql:///notes?host=/run/pg", ("/run/pg/.s.PGSQL.5432", 0)),
        ("mysql+pymysql://user@[2001:db8::1]/notes", ("2001:db8::1", 3306)),
        ("redis://localhost:6380/0", ("localhost", 6380)),
        ("redis://", ("localhost", 6379)),
        ("sqlite:////var/lib/notes/db", None),
        ("https://example.com", None),
        ("postgresql", None),
        ("postgresql://db:notaport/x", None),
    ],
)
def test_only_the_place_of_a_databases_url_is_told(url: str, place: tuple[str, int] | None) -> None:
    assert database.address(url) == place


def test_a_server_that_listens_is_told_from_one_that_does_not(tmp_path: Path) -> None:
    env = tmp_path / "env"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as gone:
        ports = server.getsockname()[1], gone.getsockname()[1]
        gone.close()
        env.write_text(f'A_URL="postgresql://u:secret@127.0.0.1:{ports[0]}/x"\nB_URL=redis://127.0.0.1:{ports[1]}\n')
        found = database.servers(env)
    assert [(one["variable"], one["problem"]) for one in found] == [("A_URL", ""), ("B_URL", "Connection refused")]
    assert "secret" not in str(found)


def test_a_lock_counts_while_somebody_holds_it_and_not_for_its_file(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("{}")
    assert not is_locked(lock, Path("/proc/locks").read_text())
    with lock.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        status = lock.stat()
        device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
        row = f"1: FLOCK  ADVISORY  WRITE 1 {device}:{status.st_ino} 0 EOF"
        assert is_locked(lock, row)
        assert not is_locked(lock, row.replace("1: FLOCK", "1: -> FLOCK"))


def test_the_ports_of_a_site_are_those_that_homeport_writes() -> None:
    settings = make_settings(app_name="notes", port_blue=8101, port_green=8102)
    text = files([settings], MachineFound())["/etc/nginx/homeport/notes.conf"].content
    assert Nginx().ports("notes", text) == {"blue": 8101, "green": 8102}


def test_the_edits_of_a_file_are_its_changed_lines() -> None:
    assert site.edits("a\nb\nc\n", "a\nx\nc\n") == ["-b", "+x"]
    assert site.edits("a\n", "a\n") == []


def rule(chain: str, *expressions: dict[str, object]) -> dict[str, object]:
    return {"rule": {"family": "inet", "table": "block", "chain": chain, "expr": list(expressions)}}


def chain(table: str, name: str, **values: object) -> dict[str, object]:
    return {"chain": {"family": "inet", "table": table, "name": name, **values}}


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([chain("block", "in", hook="input", policy="accept"), rule("in", {"drop": None})], ["inet block in"]),
        ([chain("ufw", "in", hook="input", policy="drop")], ["inet ufw in"]),
        ([chain("homeport", "input", hook="input", policy="drop")], []),
        ([chain("docker", "forward", hook="forward", policy="drop")], []),
        ([chain("block", "in", hook="input", policy="accept"), rule("in", {"accept": None})], []),
    ],
)
def test_a_chain_that_refuses_what_comes_in_is_found(entries: list[dict[str, object]], found: list[str]) -> None:
    assert machine.refusing(entries) == found


def test_the_first_folder_that_keeps_a_user_out_is_named(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("asks as another user, which takes root")
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents[: len(tmp_path.parents) - 2]:
        folder.chmod(folder.stat().st_mode | 0o011)
    shut, file = tmp_path / "shut", tmp_path / "shut" / "inner" / "file"
    file.parent.mkdir(parents=True)
    file.write_text("")
    shut.chmod(0o700)
    [found] = application._denied("nobody", [("read", file), ("enter", tmp_path)])
    assert (found["path"], found["place"]) == (str(file), str(shut))
    assert found["mode"].endswith(" 0700")


def test_a_state_folder_that_is_a_link_is_told_with_what_it_leads_to(tmp_path: Path) -> None:
    layout = Layout("notes", tmp_path)
    (tmp_path / "disk").mkdir()
    layout.state.mkdir(parents=True)
    assert application.state_link(layout) == ""
    layout.state.rmdir()
    layout.state.symlink_to(tmp_path / "disk")
    assert application.state_link(layout) == str(tmp_path / "disk")


def test_a_deaf_name_server_is_passed_over_for_the_next(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            for _ in range(2):
                query, whom = server.recvfrom(512)
                kind = query[-3]
                server.sendto(reply(query, records=(A_RECORD,)) if kind == names.A else reply(query, code=3), whom)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        resolver = tmp_path / "resolv.conf"
        resolver.write_text("nameserver 127.0.0.2\nnameserver 127.0.0.1\n")
        monkeypatch.setattr(names, "RESOLVER", resolver)
        monkeypatch.setattr(names, "PORT", server.getsockname()[1])
        assert names.lookup("notes.example.com") == {
            "name": "notes.example.com",
            "addresses": ["192.0.2.7"],
            "problem": "",
        }


def test_the_default_server_of_443_is_somebodys_whose_file_says_so(tmp_path: Path) -> None:
    texts = {
        "none": "server { listen 443 ssl; }\nserver { listen 80 default_server; }",
        "comment": "# listen 443 default_server;",
        "other": "server { listen 4430 default_server; }",
        "shop": "server {\n listen [::]:443 ssl\n default_server;\n}",
    }
    places = [tmp_path / name for name in texts]
    for place in places:
        place.write_text(texts[place.name])
    assert handshakes.default(places[:3]) == ""
    assert handshakes.default([tmp_path / "gone", *places]) == str(tmp_path / "shop")


@pytest.mark.parametrize("spoken", ["TLSv1.2", "TLSv1.3"])
def test_a_protocol_is_known_by_a_handshake_with_it_alone(tmp_path: Path, spoken: str) -> None:
    key, chain = tmp_path / "key", tmp_path / "chain"
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-subj",
        "/CN=x",
    ]
    subprocess.run([*words, "-keyout", str(key), "-out", str(chain)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.minimum_version = context.maximum_version = handshakes.PROTOCOLS[spoken]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)

        def serve() -> None:
            for _ in handshakes.PROTOCOLS:
                connection = listener.accept()[0]
                with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as served:
                    served.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        found = [one for one in handshakes.PROTOCOLS if handshakes._speaks("x", one, port)]
        thread.join(patience(30))
    assert found == [spoken]
