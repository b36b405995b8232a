from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyinfra.api import Config, Inventory, State
from pyinfra.context import ctx_state


@pytest.fixture(autouse=True)
def state() -> Iterator[State]:
    """pyinfra's state of a run that is only planned as yet, without --diff."""
    state = State()
    state.init(Inventory(([], {})), Config())
    with ctx_state.use(state):
        yield state
