"""When HAProxy is reloaded, and what it is told by its socket."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from homeport.host.main import parser
from homeport.host.proxies import chosen
from homeport.host.proxies.haproxy import reloading, runtime
from homeport.host.system.layout import MachineLayout


@pytest.fixture
def machine(tmp_path: Path) -> MachineLayout:
    (tmp_path / "etc/haproxy/homeport").mkdir(parents=True)
    (tmp_path / "etc/haproxy/haproxy.cfg").write_text("global\n")
    (tmp_path / "etc/homeport/notes/tls").mkdir(parents=True)
    (tmp_path / "run/homeport").mkdir(parents=True)
    return MachineLayout(tmp_path)


@contextmanager
def answering(place: Path, answers: dict[str, str]) -> Iterator[list[str]]:
    """Answer at a socket as HAProxy does, by what a command begins with; yield the commands."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        server.listen()

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(65536).decode())
                    text = next((said for word, said in answers.items() if heard[-1].startswith(word)), "")
                    connection.sendall(text.encode())

        threading.Thread(target=accept, daemon=True).start()
        yield heard
        server.shutdown(socket.SHUT_RDWR)


def test_the_machines_record_says_which_proxy_it_has(machine: MachineLayout) -> None:
    assert chosen.proxy_of(machine).title == "Nginx"
    machine.proxy_record.write_text(json.dumps({"proxy": "haproxy"}))
    assert chosen.proxy_of(machine).title == "HAProxy"
    assert chosen.proxy_of(machine, "nginx").title == "Nginx"
    machine.proxy_record.write_text("{")
    assert chosen.proxy_of(machine).title == "Nginx"
    assert chosen.proxy_of(machine, "haproxy").title == "HAProxy"


def test_a_unit_says_whose_start_it_is_before_the_record_does() -> None:
    """Nginx's does not, on machines of every version: it is Nginx's all the same while the record has another one."""
    assert parser().parse_args(["stamp-proxy", "start"]).proxy == "nginx"
    assert parser().parse_args(["stamp-proxy", "start", "--proxy", "haproxy"]).proxy == "haproxy"
    # Certbot's hooks do not know which one there is.
    assert parser().parse_args(["reload-proxy"]).proxy == ""


def test_the_digest_follows_the_configuration_and_no_certificate(machine: MachineLayout) -> None:
    seen = [reloading.digest(machine)]
    reloading.site_file(machine, "notes").write_text("# certificate: notes.test\n")
    seen.append(reloading.digest(machine))
    assert len(set(seen)) == 2
    (machine.sites / "notes/tls/fullchain.pem").write_text("another one")
    assert reloading.digest(machine) == seen[-1]


@pytest.mark.parametrize(("serving", "done"), [(1, False), (2, True), (None, False)])
def test_a_reload_is_done_when_a_new_process_serves(serving: int | None, done: bool) -> None:
    assert reloading.taken_over({1}, serving) == done


@pytest.mark.parametrize(("text", "pid"), [("Name: x\nPid: 77\nStopping: 0\n", 77), ("Pid: 7\nStopping: 1\n", None)])
def test_a_process_that_is_about_to_end_serves_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, pid: int | None
) -> None:
    place = tmp_path / "socket"
    assert runtime.say_to("show info", place) == ""
    monkeypatch.setattr(runtime, "say_to", lambda command: text)
    assert runtime.serving() == pid


def test_a_certificate_is_given_whole_and_without_an_empty_line(
    machine: MachineLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = machine.sites / "notes/tls"
    assert not runtime.give_certificate(machine, "notes")
    (tls / "fullchain.pem").write_text("-----BEGIN A\n\none\n")
    (tls / "privkey.pem").write_text("-----BEGIN KEY\ntwo\n")
    answers = {"set": "Transaction created for certificate\n", "commit": "Committing\nSuccess!\n"}
    place = machine.root / "socket"
    with answering(place, answers) as heard:
        ask = runtime.say_to
        monkeypatch.setattr(runtime, "say_to", lambda command: ask(command, place))
        assert runtime.give_certificate(machine, "notes")
        name = f"{machine.runtime}/haproxy/notes.pem"
        assert heard == [
            f"set ssl cert {name} <<\n-----BEGIN A\none\n-----BEGIN KEY\ntwo\n\n",
            f"commit ssl cert {name}\n",
        ]
        answers["commit"] = "unable to load\n"
        assert not runtime.give_certificate(machine, "notes")
        assert heard[-1] == f"abort ssl cert {name}\n"


def test_a_refusal_is_the_first_alert() -> None:
    said = "[NOTICE]   (1) : haproxy version\n[ALERT]    (1) : config : parsing [/etc/x.cfg:3] : unknown keyword\n"
    done = subprocess.CompletedProcess((), 1, "", said)
    assert reloading.refusal(done) == "config : parsing [/etc/x.cfg:3] : unknown keyword"
    assert reloading.refusal(subprocess.CompletedProcess((), 0, "", said)) == ""
    assert reloading.refusal(subprocess.CompletedProcess((), 1, "", "")) == "no reason given"
