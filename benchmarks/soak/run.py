"""A soak from its first request to its last: fault after fault, each recorded, and a look at all in the end."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Collection, Iterable
from typing import TextIO

from benchmarks.soak import breaking, kernel, releasing
from benchmarks.soak.breaking import Action, Outcome
from benchmarks.soak.history import About, Ending, Event, History, MachineState, Recorder
from benchmarks.soak.load import Load, load
from benchmarks.soak.schedule import Planned
from benchmarks.soak.stage import APP, Stage
from homeport.errors import HomeportError
from homeport.host.release import release_log
from tests.lab.project import changes_nothing
from tests.pace import pace

ACTIONS: dict[str, Action] = {**breaking.ACTIONS, **kernel.ACTIONS, **releasing.ACTIONS}
# Those for which a machine needs a disk of its own.
ON_OWN_DISK = {"full disk", "full disk in a release"}
# With a kernel of its own, and in a namespace of this computer's network.
ON_OWN_KERNEL = {"clock step", "clock step in a release", "slow disk", "slow disk in a release"}
IN_NAMESPACE = {"partition of clients", "partition in a deploy", "authority away"}
PATIENCE_SECONDS = 120  # for a site that does not come back; the bounds of the kinds are for the checker
MOST_SECONDS = 6 * 3600
# Of the computer that all share; and what the soak itself has done, which is over.
EXPECTED_FINDINGS = {"memory_tight", "answers_cut", "answers_too_slow"}
# The timer of renewals leaves when it last ran.
STATE = f"""
echo failed_units $(systemctl list-units --state=failed --plain --no-legend | cut -d' ' -f1)
echo runtime_flags $(ls /run/homeport | grep -vx renewals | sed -E 's/blue|green/SLOT/' | sort -u)
places="/srv /etc/homeport /usr/local/lib/homeport /var/lib/homeport"
echo unfinished $(find $places -name '*.partial*' -o -name '*.new' -o -name '.*.tmp')
echo at_work $(systemctl list-units --plain --no-legend 'homeport-{APP}-*' | cut -d' ' -f1)
echo releases $(python3 - <<'END'
import json, os
verdicts = {{}}
for line in open("/srv/{APP}/releases.jsonl"):
    entry = json.loads(line)
    if entry["event"] in {(release_log.LIVE, release_log.FAILED, release_log.LEFT)!r}:
        verdicts[entry["release"]] = entry["event"]
print(sum(verdicts.get(name) == "{release_log.LIVE}" for name in os.listdir("/srv/{APP}/releases")))
END
)
echo environments $(ls /srv/{APP}/venvs | wc -l)
echo megabytes $(du -smc /srv /etc /usr/local /var/lib/homeport /var/cache/homeport | sed -n 's/\\ttotal//p')
"""
FAILURES = (AssertionError, HomeportError, subprocess.SubprocessError, OSError, ValueError)


def possible(stage: Stage, kinds: Collection[str]) -> list[str]:
    """Return those of these kinds that this machine can have."""
    impossible = IN_NAMESPACE if stage.has_own_kernel else ON_OWN_KERNEL
    return [kind for kind in kinds if kind not in impossible and (stage.has_own_disk or kind not in ON_OWN_DISK)]


def soak(
    stage: Stage, schedule: Iterable[Planned], seconds: float, file: TextIO, about: About | None = None
) -> History:
    """Bring about one fault after another until the time is over or there is no more; return all that was seen."""
    recorder = Recorder(file, pace(), about)
    stage.settled()
    before = machine_state(stage)
    with load(stage.target, recorder, stage.slowness) as everybody:
        live = stage.live(PATIENCE_SECONDS)
        for fault in schedule:
            if recorder.now() > min(seconds, MOST_SECONDS):
                break
            time.sleep(fault.pause_seconds)
            live = strike(stage, fault, recorder, live or "")
            if live is None:
                return recorder.history
    try:
        recorder.end(ending(stage, recorder, everybody, before))
    except FAILURES as error:
        print(f"soak: it did not come to its end: {type(error).__name__}: {error}", flush=True)
    return recorder.history


def strike(stage: Stage, fault: Planned, recorder: Recorder, live: str) -> str | None:
    """Bring a fault about, and wait until all is well again; return which release is live then (None: none is)."""
    began = recorder.now()
    try:
        outcome = ACTIONS[fault.kind](stage, fault.dice)
    except FAILURES as error:
        outcome = Outcome(f"{type(error).__name__}: {error}")
    struck = recorder.now()
    after = stage.live(PATIENCE_SECONDS)
    back = None if after is None else recorder.now()
    path, problem = followed(live, after, outcome)
    problem = "; ".join(filter(None, (problem, unsettled(stage))))
    event = Event(fault.number, fault.kind, began, struck, back, path, problem, outcome.remark)
    recorder.event(event)
    print(said(event, recorder.now()), flush=True)
    return after


def followed(before: str, after: str | None, outcome: Outcome) -> tuple[tuple[str, ...], str]:
    """Return who may have been live in a fault, in order, and what is wrong with who is live after it."""
    problem = outcome.problem
    if after is None:
        return (before,), problem
    if outcome.switches == (after == before) and not problem:
        problem = f"release {after} is live after {before}"
    if outcome.through and after == before:
        return (before, outcome.through, before), problem
    return ((before,) if after == before else (before, after)), problem


def unsettled(stage: Stage) -> str:
    """Return what is not as it must be when everything has calmed down."""
    try:
        return stage.settled()
    except FAILURES as error:
        return f"{type(error).__name__}: {error}"


def said(event: Event, now: float) -> str:
    """Return the line that tells of a fault as it is over."""
    back = "not back" if event.back is None else f"back after {event.back - event.struck:.1f} s"
    words = [f"{event.began:7.1f} s  {event.number:3d} {event.kind}: {back}, all well at {now:.1f} s", event.remark]
    return "; ".join(filter(None, words)) + (f"\n           PROBLEM: {event.problem}" if event.problem else "")


def machine_state(stage: Stage) -> MachineState:
    """Read what must be the same before and after."""
    lines = (line.partition(" ") for line in stage.seen.shell(STATE).splitlines())
    found = {key: tuple(value.split()) for key, _, value in lines}
    return MachineState(
        found["failed_units"],
        found["runtime_flags"],
        found["unfinished"] + found["at_work"],
        *(int(found[key][0]) for key in ("releases", "environments", "megabytes")),
    )


def ending(stage: Stage, recorder: Recorder, everybody: Load, before: MachineState) -> Ending:
    """Look at everything once nobody asks any more."""
    switched = [event.kind for event in recorder.history.events if event.path[0] != event.path[-1]]
    if switched[-1:] == ["rollback"]:
        stage.project.deployed(stage.host)  # what is committed is not what was gone back to
    again = stage.project.deploy(stage.host)
    last_run = "" if again.returncode == 0 and changes_nothing(again.stdout) else again.stdout[-1500:]
    notes, after = stage.notes(recorder.mark), machine_state(stage)
    return Ending(dict(everybody.sent), notes, before, after, tuple(findings(stage)), last_run)


def findings(stage: Stage) -> list[str]:
    """Return what doctor finds, but for what is expected after a soak."""
    done = stage.homeport("doctor", "--json")
    try:
        [found] = json.loads(done.stdout)
        return [f"{one['id']}: {one['problem']}" for one in found["findings"] if one["id"] not in EXPECTED_FINDINGS]
    except (ValueError, KeyError):
        return [f"no answer: {done.stdout[-500:]}"]
