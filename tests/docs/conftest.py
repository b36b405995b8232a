"""The lab's machines for those who run the pages."""

from tests.lab.conftest import lab, seasoned

__all__ = ["lab", "seasoned"]
