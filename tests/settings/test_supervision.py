"""Settings that `supervisor = "supervisor"` cannot keep are refused by name, and only with it."""

from __future__ import annotations

from typing import Any

import pytest

from homeport.errors import HomeportError
from tests.state.builders import make_settings

REFUSED: dict[str, Any] = {
    "timers": {"digest": {"command": "true", "schedule": "daily"}},
    "state_paths": ["uploads"],
    "oom_policy": "kill",
    "sandbox_proc": "own",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_supervisord_cannot_keep_is_refused_by_name(name: str) -> None:
    make_settings(**{name: REFUSED[name]})
    with pytest.raises((HomeportError, ValueError), match=f'supervisor = "supervisor" does not have {name}: '):
        make_settings(supervisor="supervisor", **{name: REFUSED[name]})


def test_what_is_set_to_its_default_asks_for_nothing() -> None:
    # As group_data/all.py, which names each setting, has it.
    defaults = {"timers": {}, "state_paths": [], "oom_policy": "continue", "sandbox_proc": "machine"}
    make_settings(supervisor="supervisor", **defaults)


def test_what_asks_for_less_of_a_sandbox_is_taken() -> None:
    make_settings(supervisor="supervisor", sandbox_jit=True, sandbox_proc="all", sandbox_writable_paths=["/mnt/a"])


def test_another_process_manager_is_unknown() -> None:
    with pytest.raises((HomeportError, ValueError), match="supervisor"):
        make_settings(supervisor="runit")
