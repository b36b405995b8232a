"""When Nginx must be reloaded, and which certificate it serves: with a real TLS server."""

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from homeport.host.proxies.model import certificates
from homeport.host.proxies.nginx import reloading
from homeport.host.system.layout import MachineLayout


@pytest.fixture
def machine(tmp_path: Path) -> MachineLayout:
    (tmp_path / "etc/nginx/homeport").mkdir(parents=True)
    (tmp_path / "etc/nginx/nginx.conf").write_text("events {}")
    (tmp_path / "run").mkdir()
    return MachineLayout(tmp_path)


def site(machine: MachineLayout, app: str, *names: str) -> Path:
    """Claim names for an application and give it a certificate, behind a link as Certbot's; return the chain's file."""
    live = machine.root / "letsencrypt" / app
    live.mkdir(parents=True)
    certificate(live, names[0])
    (machine.sites / app).mkdir(parents=True)
    (machine.sites / app / "site.json").write_text(json.dumps({"app": app, "domains": names}))
    (machine.sites / app / "tls").symlink_to(live)
    (machine.nginx / "homeport" / f"{app}.conf").write_text(f"server_name {' '.join(names)};\n")
    return live / "fullchain.pem"


def certificate(folder: Path, name: str) -> None:
    key: list[str | Path] = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        folder / "privkey.pem",
    ]
    command = ["openssl", "req", "-x509", "-subj", f"/CN={name}", *key, "-out", folder / "fullchain.pem"]
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def serving(chain: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, chain.with_name("privkey.pem"))
    server = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with suppress(OSError):
                context.wrap_socket(connection, server_side=True).close()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def test_the_digest_follows_configuration_and_certificates(machine: MachineLayout) -> None:
    chain = site(machine, "notes", "notes.test")
    seen = [reloading.digest(machine)]

    (machine.nginx / "homeport/notes.conf").write_text("server {}")
    seen.append(reloading.digest(machine))
    certificate(chain.parent, "notes.test")
    seen.append(reloading.digest(machine))
    (machine.nginx / "homeport/notes.conf").rename(machine.nginx / "homeport/other.conf")
    seen.append(reloading.digest(machine))

    assert len(set(seen)) == 4
    assert reloading.digest(machine) == seen[-1]


def test_a_certificate_without_a_site_is_nothing_that_nginx_reads(machine: MachineLayout) -> None:
    site(machine, "notes", "notes.test")
    before = reloading.digest(machine)
    chain = site(machine, "note", "note.test")
    (machine.nginx / "homeport/note.conf").unlink()
    certificate(chain.parent, "note.test")

    assert reloading.digest(machine) == before


def test_a_dangling_link_does_not_stop_the_digest(machine: MachineLayout) -> None:
    (machine.nginx / "gone.conf").symlink_to("/nowhere")

    assert reloading.digest(machine)


def test_a_change_while_nginx_reads_its_files_makes_it_stale(
    machine: MachineLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = iter([{1, 2}, {1, 2}, {1, 2, 3}, {3, 4}])
    monkeypatch.setattr(reloading, "workers", lambda: next(workers))
    read = reloading.digest(machine)

    reloading.stamp_before_reload(machine)
    (machine.nginx / "nginx.conf").write_text("events { }")
    reloading.stamp_after_reload(machine)

    assert (machine.runtime / "nginx.loaded").read_text() == read != reloading.digest(machine)


def test_a_reload_that_was_not_announced_is_not_taken_for_read(machine: MachineLayout) -> None:
    reloading.stamp_start(machine)
    read = (machine.runtime / "nginx.loaded").read_text()
    (machine.nginx / "nginx.conf").write_text("events { }")

    reloading.stamp_after_reload(machine)

    assert (machine.runtime / "nginx.loaded").read_text() == read


@pytest.mark.parametrize(
    ("before", "serving", "done"),
    [({1}, {1}, False), ({1}, {1, 2}, False), ({1}, {2}, True), ({1}, set(), False), (set(), {2}, True)],
)
def test_new_workers_have_taken_over_when_none_of_the_old_serves(
    before: set[int], serving: set[int], done: bool
) -> None:
    assert reloading.taken_over(before, serving) == done


def test_a_certificate_that_is_not_served_is_noticed(machine: MachineLayout) -> None:
    chain = site(machine, "notes", "notes.test", "www.notes.test")
    with serving(chain) as port:
        assert certificates.outdated(machine, reloading.site_file, port) == []

        certificate(chain.parent, "notes.test")

        assert certificates.outdated(machine, reloading.site_file, port) == ["notes.test", "www.notes.test"]


def test_a_port_where_nobody_serves_has_no_certificate(machine: MachineLayout) -> None:
    site(machine, "notes", "notes.test")

    assert certificates.outdated(machine, reloading.site_file, 1) == ["notes.test"]


def test_a_name_that_nginx_does_not_know_yet_is_not_waited_for(machine: MachineLayout) -> None:
    chain = site(machine, "notes", "notes.test")
    (machine.nginx / "homeport/notes.conf").unlink()
    assert certificates.outdated(machine, reloading.site_file, 1) == []
    (machine.nginx / "homeport/notes.conf").write_text("server_name other.test;")
    assert chain.exists()
    assert certificates.outdated(machine, reloading.site_file, 1) == []


def test_a_site_without_a_certificate_is_not_waited_for(machine: MachineLayout) -> None:
    site(machine, "notes", "notes.test").write_text("no certificate")
    (machine.sites / "broken").mkdir()
    (machine.sites / "broken/site.json").write_text("{")

    assert certificates.outdated(machine, reloading.site_file, 1) == []
