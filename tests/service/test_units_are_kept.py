"""The units of a release are, to the byte, those of homeport before they were rendered from a `Service`.

So a release whose settings did not change keeps its id, and nothing is restarted by an upgrade of homeport.
"""

from __future__ import annotations

import pytest

from tests.service.kept_units import CASES, KEPT, rendered


@pytest.mark.parametrize("name", CASES)
def test_the_units_of_a_release_and_its_id_are_as_they_were(name: str) -> None:
    assert rendered(CASES[name]) == (KEPT / f"{name}.txt").read_text()
