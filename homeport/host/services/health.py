"""Is the application healthy? One request to its health path, or many until the time is up.

The request looks like one that came through the proxy (the site's name, https), so that an application that checks
its host name or redirects to https answers as it would answer a visitor.
"""

from __future__ import annotations

import json
import os
import time
from typing import NamedTuple

from ..system import sockets
from ..system.layout import Layout
from ..system.output import say
from .release_description import Health

HEALTHY = 0
TOO_LATE = 1
PROCESS_GONE = 3
ANSWER_SECONDS = 2.0
# An application that does not listen yet is asked often, one that says it is not ready less so: it logs each request.
POLL_SECONDS = 0.05
NOT_READY_SECONDS = 0.5
PROGRESS_SECONDS = 5.0
# As the proxy says it; granian takes the scheme only from who names a client, too.
FORWARDED = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}
# Marks our lines in the application's log.
PREFIX = "homeport: "
GIVING_UP = "giving up: "
EXITED = "the process exited"


class Answer(NamedTuple):
    """The answer of the health path: whether it is the wanted one, in words, and the status if there was an answer.

    `is_late`: there was none in the time that it had.
    """

    good: bool
    text: str
    status: int | None = None
    is_late: bool = False

    @property
    def pause_seconds(self) -> float:
        """Return how long to wait before asking again."""
        return 0.0 if self.good else POLL_SECONDS if self.status is None else NOT_READY_SECONDS


NOT_ASKED = Answer(False, "not asked yet")


def site_name(layout: Layout) -> str:
    """Return the name that visitors use, or `localhost` while that is not known."""
    try:
        return str(json.loads(layout.site.read_text())["domains"][0])
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return "localhost"


def ask(port: int, health: Health, name: str, timeout_seconds: float = ANSWER_SECONDS) -> Answer:
    """Ask the health path on loopback `port` once, as visitor of the site `name`."""
    # Loaded by what asks: with ssl and email behind it, it would be a quarter of the start of every other command.
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=max(timeout_seconds, 0.1))
    headers = {"Host": name, **FORWARDED, "User-Agent": "homeport", "Connection": "close"}
    try:
        connection.request("GET", health.path, headers=headers)
        response = connection.getresponse()
        status, location = response.status, response.getheader("Location", "")
    except TimeoutError:
        return Answer(False, f"no answer within {timeout_seconds:.0f} s", is_late=True)
    except ConnectionRefusedError:
        return Answer(False, "connection refused")
    except (OSError, http.client.HTTPException) as error:
        return Answer(False, str(error) or type(error).__name__)
    finally:
        connection.close()
    if status == health.status:
        return Answer(True, f"answered {status}", status)
    leads = f" (Location: {_shown(location, name)})" if location and 300 <= status < 400 else ""
    return Answer(False, f"answered {status}{leads} instead of {health.status}", status)


def _shown(location: str, name: str) -> str:
    """Return where an answer leads, on one line; what is on the site itself as a path."""
    path = location.removeprefix(f"https://{name}")
    return "".join(character if character.isprintable() and character != " " else "?" for character in path[:200])


def ask_repeatedly(port: int, health: Health, name: str) -> Answer:
    """Ask until `health.successes` good answers came in a row; return the first bad one otherwise."""
    for _ in range(max(health.successes, 1)):
        answer = ask(port, health, name)
        if not answer.good:
            break
    return answer


def wait(port: int, health: Health, name: str, main_pid: int) -> int:
    """Wait until the application that `main_pid` runs is healthy; return HEALTHY, TOO_LATE or PROCESS_GONE.

    Gives up after `health.timeout_seconds`, or as soon as the main process is gone (0: it was gone before). A manager
    that lives while its workers die is caught by the time-out alone. Says its reason in a last line.
    """
    started = time.monotonic()
    end = started + health.timeout_seconds
    next_progress = started + PROGRESS_SECONDS
    good = 0
    answer = NOT_ASKED
    while time.monotonic() < end:
        if not alive(main_pid):
            say(f"{PREFIX}{EXITED} before {health.path} was healthy; last: {answer.text}")
            return PROCESS_GONE
        seconds = min(ANSWER_SECONDS, end - time.monotonic())
        asked = ask_ours(port, health, name, seconds)
        # Silence in what little time was left says nothing of the application; the answer before it did.
        if answer is NOT_ASKED or not asked.is_late or seconds == ANSWER_SECONDS:
            answer = asked
        good = good + 1 if asked.good else 0
        if good >= health.successes:
            return HEALTHY
        if time.monotonic() >= next_progress:
            say(PREFIX + progress(port, health, answer, time.monotonic() - started))
            next_progress += PROGRESS_SECONDS
        time.sleep(min(asked.pause_seconds, max(end - time.monotonic(), 0)))
    say(f"{PREFIX}{GIVING_UP}{health.path} {answer.text} (after {health.timeout_seconds:.0f} s)")
    return TOO_LATE


def ask_ours(port: int, health: Health, name: str, timeout_seconds: float) -> Answer:
    """Ask, and take no answer for good that came from another user's process on the same port."""
    answer = ask(port, health, name, timeout_seconds)
    if answer.good:
        strangers = {found.uid for found in sockets.listeners(sockets.read(), port)} - {os.getuid()}
        if strangers:
            return Answer(False, f"answered by a process of another user (uid {min(strangers)}) on port {port}")
    return answer


def progress(port: int, health: Health, answer: Answer, seconds: float) -> str:
    """Return the line that is shown while waiting."""
    url = f"http://127.0.0.1:{port}{health.path}"
    return f"waiting for {url}: {answer.text} ({seconds:.0f} s of {health.timeout_seconds:.0f} s)"


def alive(pid: int) -> bool:
    """Tell whether process `pid` exists."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
