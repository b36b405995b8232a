"""What the templates of units are given for an application's sandbox, where a test renders them by itself."""

from __future__ import annotations

from typing import Any

from homeport.rules.sandbox import allowed_addresses

SANDBOX: dict[str, Any] = {
    "allowed_addresses": allowed_addresses("any"),
    "writable_paths": (),
    "devices": (),
    "jit": False,
}
