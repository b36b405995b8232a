"""What a sampled stack counts for in the profile."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks import profiling
from benchmarks.profiling import Frame, category, main_thread, shares

MAIN: list[Frame] = [("<module>", "bin/pyinfra"), ("_main", "pyinfra_cli/cli.py")]
LOADING: list[Frame] = [("_find_and_load", "<frozen importlib._bootstrap>")]
HUB: list[Frame] = [("run", "gevent/hub.py")]
GIT: list[Frame] = [*MAIN, ("check", "homeport/guard.py"), ("run", "homeport/source/git.py"), ("run", "gevent/x.py")]
HANDSHAKE: list[Frame] = [("connect", "pyinfra/connectors/ssh.py"), ("connect", "paramiko/client.py")]
DEPLOY: list[Frame] = [("<module>", "deploy.py"), ("deploy", "homeport/deploy.py")]


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ([], profiling.START),
        ([*MAIN, *LOADING, ("<module>", "pyinfra/api/host.py")], profiling.PYINFRA_IMPORTS),
        ([*MAIN, *LOADING, ("<module>", "homeport/guard.py"), *LOADING], profiling.HOMEPORT_IMPORTS),
        ([*MAIN, ("<module>", "deploy.py"), *LOADING, ("get_code", "<frozen>")], profiling.HOMEPORT_IMPORTS),
        (GIT, profiling.GIT),
        ([*MAIN, ("render", "homeport/rendering/rendering.py"), ("parse", "jinja2/parser.py")], profiling.SETTINGS),
        ([*DEPLOY, ("op", "pyinfra/api/operation.py"), ("stack", "inspect.py")], profiling.OPERATIONS),
        ([*DEPLOY, ("parse", "homeport/state/snapshot.py")], profiling.COMPARE),
        ([*MAIN, ("disconnect_all", "pyinfra/api/connect.py")], profiling.ENDING),
        (HUB, None),
    ],
)
def test_a_stack_counts_for_whose_code_is_at_work(stack: list[Frame], expected: str | None) -> None:
    assert category(stack) == expected


def test_waiting_counts_for_what_was_at_work_before_it() -> None:
    stacks = [GIT, HUB, HANDSHAKE, HUB, DEPLOY, HUB, HANDSHAKE]
    counted = {profiling.GIT: 2, profiling.CONNECTING: 2, profiling.COMPARE: 1, profiling.WAITING: 2}
    assert shares(stacks) == Counter(counted)


def test_helper_threads_are_left_out() -> None:
    frames = [{"name": "run", "file": "gevent/threadpool.py"}, {"name": "<module>", "file": "bin/pyinfra"}]
    recorded = {
        "shared": {"frames": frames},
        "profiles": [{"samples": [[0], [0], [0]]}, {"samples": [[], [1]]}],
    }
    assert main_thread(recorded) == [[], [("<module>", "bin/pyinfra")]]
