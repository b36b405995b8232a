"""What a program is told of this machine that homeport starts and that other people's code runs in.

Only what says where things are, how others are reached, whom to trust and in which language to speak: a secret of the
application, homeport's own key, or a variable of git's that a hook has set (`GIT_DIR`) is none of it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

KEPT = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LANGUAGE", "CI", "TERM", "NO_COLOR"),
        *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "NIX_SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"),
        *("NODE_EXTRA_CA_CERTS", "PIP_CERT"),
    )
)
# Written large or small.
PROXIES = frozenset(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"))
PREFIXES = ("LC_",)


def clean_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return those variables of `environment` (this process's) that any program may have."""
    return {name: value for name, value in environment.items() if _is_kept(name)}


def _is_kept(name: str) -> bool:
    return name in KEPT or name.upper() in PROXIES or name.startswith(PREFIXES)
