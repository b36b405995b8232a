"""The line of a program's last lines that says why it failed."""

from __future__ import annotations

import pytest

from homeport.host.services.cause_line import cause_line

SQLALCHEMY = """\
Traceback (most recent call last):
  File "/srv/notes/.venv/lib/python3.11/site-packages/psycopg/connection.py", line 105, in connect
    raise last_ex.with_traceback(None)
sqlalchemy.exc.OperationalError: (psycopg.OperationalError) connection failed: connection to server at "10.0.0.3", \
port 5432 failed: Connection refused
\tIs the server running on that host and accepting TCP/IP connections?
[SQL: select 1]
(Background on this error at: https://sqlalche.me/e/21/e3q8)""".splitlines()
UVICORN = """\
ERROR:    Traceback (most recent call last):
  File "/srv/notes/main.py", line 3, in lifespan
    raise RuntimeError("no model")
RuntimeError: no model

ERROR:    Application startup failed. Exiting.
INFO:     Stopping parent process [12]""".splitlines()

# The end of what its manager writes when two workers could not start at once.
GUNICORN = """\
[2026-11-30 09:48:12 +0000] [2429] [ERROR] Traceback (most recent call last):
  File "/srv/notes/releases/283074d60730/main.py", line 21, in lifespan
    raise RuntimeError("no model")
RuntimeError: no model
[2026-11-30 09:48:12 +0000] [2429] [ERROR] Application startup failed. Exiting.
[2026-11-30 09:48:12 +0000] [2425] [ERROR] Worker (pid:2429) exited with code 3.
Traceback (most recent call last):
  File "/srv/notes/.venv/lib/python3.11/site-packages/gunicorn/arbiter.py", line 683, in reap_workers
    raise HaltServer(reason, self.WORKER_BOOT_ERROR)
gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>
During handling of the above exception, another exception occurred:
Traceback (most recent call last):
  File "/srv/notes/.venv/lib/python3.11/site-packages/gunicorn/arbiter.py", line 683, in reap_workers
    raise HaltServer(reason, self.WORKER_BOOT_ERROR)
gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>""".splitlines()


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (SQLALCHEMY, SQLALCHEMY[3]),
        (UVICORN, "RuntimeError: no model"),
        (GUNICORN, "RuntimeError: no model"),
        (["sh: 1: alembic: not found"], "sh: 1: alembic: not found"),
        (["ValueError: one", "giving up: no place left"], "giving up: no place left"),
        (["  only indented"], "  only indented"),
        ([], ""),
    ],
)
def test_the_line_with_the_cause_is_found_before_what_follows_it(lines: list[str], cause: str) -> None:
    assert cause_line(lines) == cause
