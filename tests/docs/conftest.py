"""The lab's machines for those who run the pages, and what these say when one of the pages fails."""

from tests.lab.conftest import lab, seasoned
from tests.lab.evidence import pytest_runtest_makereport

__all__ = ["lab", "pytest_runtest_makereport", "seasoned"]
