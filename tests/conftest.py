from __future__ import annotations

import pytest
from hypothesis import settings

from tests import tiers

# A busy machine makes no example wrong.
settings.register_profile("homeport", deadline=None)
settings.load_profile("homeport")


def pytest_report_header(config: pytest.Config) -> str:
    """Print what this run's choices follow from, so that another run can repeat them."""
    return f"HOMEPORT_SEED={tiers.seed()}" + (" (all tests)" if tiers.EVERYTHING else "")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the seed does not choose of the tests marked `sampled`, unless it was asked for by its name."""
    if tiers.EVERYTHING or any("::" in word for word in config.args):
        return
    left_out = [
        item for item in items if item.get_closest_marker("sampled") and not tiers.is_chosen(item.nodeid, tiers.seed())
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
