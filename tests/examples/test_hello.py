"""The smallest application that can be deployed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .serving import EXAMPLES, Application


def test_hello_is_served_and_healthy(application: Callable[[str], Application]) -> None:
    with application("hello").server(HOMEPORT_RELEASE="r1", HOMEPORT_SLOT="green") as server:
        assert server.get("/").json == {"hello": "world"}
        health = server.get("/health").json
        assert (health["status"], health["release"], health["slot"]) == ("ok", "r1", "green")
        assert health["pid"] in server.pids()


@pytest.mark.parametrize("name", ["hello", "notes"])
def test_a_lock_holds_hashes_and_no_address(name: str) -> None:
    """Whoever deploys it chooses the registry; a lock that names one would take that choice away."""
    lock = (EXAMPLES / name / "requirements.txt").read_text()
    pinned = [line for line in lock.splitlines() if "==" in line and not line.startswith((" ", "#"))]
    assert pinned
    assert all(line.endswith("\\") for line in pinned)
    assert "://" not in lock
    assert "index" not in lock.replace("click", "")
