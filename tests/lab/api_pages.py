"""The pages that FastAPI makes about an API (/docs, /redoc), and the description that they ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable


def addresses(page: str) -> list[str]:
    """Return what a page loads or asks for: the description first."""
    return re.findall(r"(?:url: |spec-url=|src=|href=)[\"']([^\"']+)", page)


def assert_pages_load(get: Callable[[str], str], prefix: str = "") -> None:
    """Assert that the description of an API with notes is below the prefix, and that the pages there ask for it."""
    assert "/notes" in json.loads(get(f"{prefix}/openapi.json"))["paths"]
    for path in ("/docs", "/redoc"):
        assert f"{prefix}/openapi.json" in addresses(get(f"{prefix}{path}")), path
