"""Faults that are releases: good ones, such as must fail, such as are killed on their way; and other commands.

A run that was killed is followed by another one, as it would be, which must finish the work.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from benchmarks.soak.breaking import Action, Outcome, blocked, full, refused
from benchmarks.soak.kernel import slowed, stepped
from benchmarks.soak.stage import APP, Stage

# Somewhere in a deploy, which takes so long on a quiet machine; a slower one is met earlier.
DEPLOY_SECONDS = 9.0
PATIENCE_SECONDS = 900
UNIT = f"homeport-{APP}-start-*"
# Kills a host program at work as soon as it has been at work for so long, if it comes to that.
KILL_HOST_PROGRAM = f"""
tries=0
until systemctl list-units --plain --no-legend '{UNIT}' | grep -q .; do
    tries=$((tries + 1))
    [ $tries -lt 900 ] || exit 0
    sleep 0.05
done
sleep %s
systemctl kill --kill-whom=all --signal=KILL '{UNIT}'
"""
MIGRATION = '''"""Fails."""

revision = "9999"
down_revision = "{head}"


def upgrade() -> None:
    raise RuntimeError("this migration fails on purpose")
'''
DOES_NOT_START = '\nraise RuntimeError("this release does not start, on purpose")\n'
NOT_HEALTHY = """

@app.middleware("http")
async def never_healthy(request, call_next):
    from starlette.responses import JSONResponse

    return JSONResponse({"status": "broken on purpose"}, 503)
"""
# Nothing is posted to it before it is live.
DIES_WHEN_LIVE = """

@app.middleware("http")
async def die(request, call_next):
    import os
    import signal

    if request.method == "POST":
        os.kill(os.getppid(), signal.SIGKILL)
    return await call_next(request)
"""


def release(stage: Stage, _dice: random.Random) -> Outcome:
    """Release a change."""
    stage.change()
    return Outcome(refused(stage.deploy(), (0,), "a release"), switches=True)


def rollback(stage: Stage, _dice: random.Random) -> Outcome:
    """Go back to the release before."""
    return Outcome(refused(stage.homeport("rollback", "--yes"), (0,), "a rollback"), switches=True)


def restart(stage: Stage, dice: random.Random) -> Outcome:
    """Restart the live release, in one of the two ways."""
    words = dice.choice(((), ("--new-slot",)))
    return Outcome(refused(stage.homeport("restart", *words), (0,), "a restart"), " ".join(words))


def maintenance(stage: Stage, dice: random.Random) -> Outcome:
    """Close the site for some seconds."""
    on = refused(stage.homeport("maintenance", "on"), (0,), "maintenance on")
    time.sleep(dice.uniform(0, 2))
    off = refused(stage.homeport("maintenance", "off"), (0,), "maintenance off")
    return Outcome(on or off)


def failing(path: str, text: str, *, through: bool = False) -> Action:
    """Return what releases a change that must fail."""

    def act(stage: Stage, _dice: random.Random) -> Outcome:
        stage.change()
        file = stage.project.app / path
        stage.project.write(path, (file.read_text() if file.exists() else "") + text)
        done = stage.deploy()
        stage.project.git("reset", "-q", "--hard", "HEAD~2")
        wrong = refused(done, (1,), "a release that must fail")
        return Outcome(wrong, through=stage.last_failed() if through else "")

    return act


def failed_migration(stage: Stage, dice: random.Random) -> Outcome:
    """Release a migration that fails."""
    head = sorted(path.name for path in (stage.project.app / "migrations/versions").glob("*.py"))[-1].partition("_")[0]
    return failing("migrations/versions/9999_fails.py", MIGRATION.format(head=head))(stage, dice)


@contextmanager
def in_a_deploy(stage: Stage, dice: random.Random) -> Iterator[tuple[subprocess.Popen[str], float]]:
    """Release a change, and be somewhere in its deploy; yield that, and how many seconds it has lasted."""
    stage.change()
    with stage.started() as process:
        after = dice.uniform(0.3, DEPLOY_SECONDS * stage.slowness)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=after)
        yield process, after


def ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for the end of a deploy."""
    said = process.communicate(timeout=PATIENCE_SECONDS)[0]
    return subprocess.CompletedProcess("", process.returncode, said)


def disturbed(disturb: Callable[[Stage, random.Random, subprocess.Popen[str]], None]) -> Action:
    """Return what releases a change, disturbs that, and deploys once more when it has ended."""

    def act(stage: Stage, dice: random.Random) -> Outcome:
        with in_a_deploy(stage, dice) as (process, after):
            disturb(stage, dice, process)
            first = ended(process)
        wrong = refused(first, (0, 1, -9), "the run that was disturbed")
        remark = f"after {after:.1f} s; it ended with {first.returncode}"
        wrong = wrong or refused(stage.deploy(), (0,), f"the run after it ({remark})")
        return Outcome(wrong, remark, switches=True)

    return act


def _kill(_stage: Stage, _dice: random.Random, process: subprocess.Popen[str]) -> None:
    process.kill()


def _cut(stage: Stage, _dice: random.Random, process: subprocess.Popen[str]) -> None:
    stage.project.lab.reboot(stage.host, hard=True)
    # It learns that sooner or later; nobody waits for it here.
    process.kill()


def _fill(stage: Stage, dice: random.Random, process: subprocess.Popen[str]) -> None:
    with full(stage), suppress(subprocess.TimeoutExpired):
        process.wait(dice.uniform(2, 10))


def _part(stage: Stage, dice: random.Random, process: subprocess.Popen[str]) -> None:
    with blocked(stage, "tcp dport 22 drop", "tcp sport 22 drop"), suppress(subprocess.TimeoutExpired):
        process.wait(dice.uniform(2, 12))


def beside(disturbance: Callable[[Stage, random.Random], AbstractContextManager[str]], refusal: str = "") -> Action:
    """Return what releases a change, and has this be the case from somewhere in the deploy to its end.

    Where it may be refused for that, in these words, it is deployed once more afterwards.
    """

    def act(stage: Stage, dice: random.Random) -> Outcome:
        with in_a_deploy(stage, dice) as (process, after), disturbance(stage, dice) as remark:
            done = ended(process)
        remark = f"{remark}, after {after:.1f} s"
        if refusal and done.returncode == 1 and refusal in done.stdout:
            remark, done = f"{remark}; refused for that", stage.deploy()
        return Outcome(refused(done, (0,), "a release"), remark, switches=True)

    return act


def killed_host_program(stage: Stage, dice: random.Random) -> Outcome:
    """Kill what is at work on the host for a release."""
    stage.change()
    killer = stage.begin(KILL_HOST_PROGRAM % f"{dice.uniform(0, 5):.2f}")
    first = stage.deploy()
    killer.wait(PATIENCE_SECONDS)
    wrong = refused(first, (0, 1), "the run whose host program was killed")
    wrong = wrong or refused(stage.deploy(), (0,), "the run after it")
    return Outcome(wrong, f"the first run ended with {first.returncode}", switches=True)


ACTIONS: dict[str, Action] = {
    "release": release,
    "rollback": rollback,
    "restart": restart,
    "maintenance": maintenance,
    "failed migration": failed_migration,
    "release that does not start": failing("main.py", DOES_NOT_START),
    "release that is not healthy": failing("main.py", NOT_HEALTHY),
    "release that dies when live": failing("main.py", DIES_WHEN_LIVE, through=True),
    "killed deploy": disturbed(_kill),
    "killed host program": killed_host_program,
    "power cut in a deploy": disturbed(_cut),
    "full disk in a release": disturbed(_fill),
    "clock step in a release": beside(stepped, refusal="clock: its clock is "),
    "slow disk in a release": beside(slowed),
    "partition in a deploy": disturbed(_part),
}
