"""What goes over a connection, to a real sshd and from real login shells: input that nobody reads, and words of others.

The tests share machines and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from homeport.pyinfra_support import commands as remote
from tests.lab.commands import homeport, settle_data
from tests.lab.project import REPOSITORY, Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.one_suite]
# Printed by a login shell: a line, a complaint, one in the end, and a line without an end.
NOISE = "echo welcome; echo locale? >&2; trap 'echo bye' EXIT; printf 'no end'\n"
# Serves what has no end.
STREAM = """
import asyncio
from fastapi.responses import StreamingResponse

@app.get("/stream")
async def stream() -> StreamingResponse:
    async def ticks():
        while True:
            yield b"."
            await asyncio.sleep(0.1)
    return StreamingResponse(ticks())
"""
# Sends commands their input over the connection that a run has, and prints what came of each.
SENDER = """
import json, sys, time
import pyinfra_cli
import paramiko
from pyinfra.api import StringCommand
from homeport.pyinfra_support import commands
from homeport.operations.command import PhaseCommand
from homeport.inventory.hosts import open_inventory
from homeport.queries.target import Target
from homeport.settings.loading import load

slow = paramiko.Channel.sendall
def sendall(channel, data):
    # As if the line were so slow that the command ended first.
    while not channel.closed:
        time.sleep(0.01)
    return slow(channel, data)

MORE_THAN_A_WINDOW = "x" * 4 * 2**20
with open_inventory("inventories/lab.py", sys.argv[1:]) as (state, [host]):
    Target(host, load(host.data.dict(), host.name), {}).connect()
    def run(script, stdin, sudo=True):
        done = commands.run(host, StringCommand(script), _stdin=stdin, _sudo=sudo)
        print(json.dumps([done.status, done.output.stdout_lines, done.output.stderr_lines]))
    run("echo done", MORE_THAN_A_WINDOW)
    run("echo first; echo last words >&2; exit 7", MORE_THAN_A_WINDOW)
    run("wc -c", MORE_THAN_A_WINDOW)
    run("kill -9 $$", MORE_THAN_A_WINDOW)
    state.print_input = False
    print(json.dumps(PhaseCommand("echo error: tools: no space; exit 1", _stdin=MORE_THAN_A_WINDOW).execute(
        state, host, {"_sudo": True})[0]))
    paramiko.Channel.sendall = sendall
    run("echo slow; exit 3", "a few bytes")
"""


@dataclass
class Stage:
    """Two machines that serve the same application; the login shell of one will print what nobody asked for."""

    project: Project
    noisy: LabHost
    quiet: LabHost
    seen: Seen


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    noisy, quiet = seasoned.add("noisy"), seasoned.add("quiet")
    folder = tmp_path_factory.mktemp("streams") / "project"
    project = Project.create(folder, lab, "hello", watch_seconds=0)
    yield Stage(project, noisy, quiet, Seen(lab, noisy))
    for host in (noisy, quiet):
        lab.remove(host.name)


def python(project: Project, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    lab = {"HOMEPORT_LAB": str(project.lab.directory.path), "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        [sys.executable, "-c", text, *arguments],
        cwd=project.folder,
        env={**os.environ, **lab},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_command_that_ends_before_its_input_was_sent_is_known_by_its_words_and_its_status(stage: Stage) -> None:
    done = python(stage.project, SENDER, stage.noisy.name)
    assert done.returncode == 0, done.stderr
    answers: list[Any] = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers == [
        [0, ["done"], []],
        [7, ["first"], ["last words"]],
        [0, [str(4 * 2**20 + 1)], []],
        [remote.NO_STATUS, [], []],
        False,
        [3, ["slow"], []],
    ]
    # The step has failed for the reason that it gave, and not for a socket.
    assert "the command" not in done.stderr


def both(stage: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ours for both machines."""
    command, *options = words
    limits = ("--limit", stage.noisy.name, "--limit", stage.quiet.name)
    done = homeport(stage.project, command, "lab", *limits, *options)
    assert "Traceback" not in done.stdout
    return done


def test_a_login_shell_that_prints_does_no_harm_to_any_command(stage: Stage) -> None:
    stage.seen.shell(f"cd ~{stage.noisy.user} && printf %s {shlex.quote(NOISE)} | cat - .bashrc >new && mv new .bashrc")
    assert "welcome" in stage.project.lab.run(stage.noisy, "true").stdout
    settle_data(stage.project)
    assert both(stage, "deploy", "--yes").returncode == 0
    for command in (("status", "--json"), ("releases", "--json"), ("cert", "--json"), ("maintenance", "--json")):
        done = both(stage, *command)
        assert done.returncode == 0, done.stdout
        assert [one["host"] for one in json.loads(done.stdout)] == ["noisy", "quiet"]
    logs = both(stage, "logs", "--json", "--source", "deploys")
    assert {json.loads(line)["host"] for line in logs.stdout.splitlines()} == {"noisy", "quiet"}
    changing: list[tuple[str, ...]] = [("lock", "-m", "wait"), ("unlock",), ("restart", "--new-slot")]
    for words in changing:
        done = both(stage, *words)
        assert done.returncode == 0, done.stdout
    assert homeport(stage.project, "doctor", "lab", "--limit", "noisy").returncode == 0
    # A command by hand prints its own words and nothing else.
    ran = homeport(stage.project, "run", "lab", "--limit", "noisy", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (ran.returncode, sorted(ran.stdout.splitlines())) == (7, ["err", "out"])
    # A restricted shell runs what it is given by name.
    stage.seen.shell(f"usermod -s /bin/rbash {stage.noisy.user}")
    assert both(stage, "status").returncode == 0
    for words in changing[:2]:
        assert both(stage, *words).returncode == 0
    # The deploy lock too is taken behind what is printed: a second run is no change.
    assert "no changes" in both(stage, "plan").stdout
    stage.seen.shell(f"usermod -s /bin/bash {stage.noisy.user}")


def test_a_slot_that_is_killed_over_an_open_stream_is_down_and_has_not_failed(stage: Stage) -> None:
    main = (stage.project.app / "main.py").read_text()
    stage.project.write("main.py", f"{main}\n{STREAM}")
    settle_data(stage.project, drain_timeout_seconds=1, stop_timeout_seconds=2)
    on = ("lab", "--limit", stage.noisy.name)
    assert homeport(stage.project, "deploy", *on, "--yes").returncode == 0
    name = stage.noisy.domain
    reading = f"curl -skN --resolve {name}:443:127.0.0.1 https://{name}/stream -o /run/stream"
    stage.seen.shell(f"systemd-run -q --unit=reading {reading}")
    assert until(lambda: "begun" in stage.seen.shell("[ ! -s /run/stream ] || echo begun"))
    done = homeport(stage.project, "restart", *on, "--new-slot")
    assert done.returncode == 0, done.stdout
    assert "still has 1 connections" in done.stdout
    assert "hello" not in stage.seen.shell("systemctl list-units --failed --plain --no-legend")
    assert stage.seen.answers()


def test_a_host_whose_answer_is_garbage_is_one_line_and_hides_no_other(stage: Stage) -> None:
    program = "/usr/local/lib/homeport/homeport-host"
    stage.seen.shell(f"mv {program} {program}.away")
    garbage = {
        '{"slots": 1, "machine": 2}': ("status", "releases", "cert", "maintenance", "logs"),
        "[7": ("status",),
        "\\377\\376": ("releases",),
    }
    for text, commands in garbage.items():
        prints = f"#!/bin/sh\nprintf %b {shlex.quote(text)}\n"
        stage.seen.shell(f"printf %s {shlex.quote(prints)} >{program}; chmod +x {program}")
        for command in commands:
            done = both(stage, command)
            assert done.returncode == 1, done.stdout
            assert len([line for line in done.stdout.splitlines() if "answer" in line and "quiet" not in line]) == 1
            assert "noisy" in done.stdout
            assert "quiet" in done.stdout
    refused = both(stage, "lock", "-m", "wait")
    assert refused.returncode == 1
    assert "error: the host's releases cannot be read: " in refused.stdout
    stage.seen.shell(f"mv {program}.away {program}")
