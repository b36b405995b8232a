"""The roles of a machine for an application. Every machine of today does all of it; no setting says otherwise yet."""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal["proxy", "app", "worker", "database"]
ROLES: frozenset[Role] = frozenset(get_args(Role))
# Those whose machines have the application's code and run it.
RELEASE_ROLES: frozenset[Role] = frozenset({"app", "worker"})
SITE_ROLES: frozenset[Role] = frozenset({"proxy"})
