"""The application's user and its folders: code belongs to root, only the state directory to the application."""

from __future__ import annotations

from homeport.state.wanted import Account, Directory, Part
from homeport.steps.context import Context


def account(context: Context) -> Part:
    """Return the application's account and the folders that its releases live in."""
    app, paths = context.settings.app_name, context.paths
    # Code is nobody's business but its application's: it may have a secret in it that should not be there.
    ours = [
        Directory(paths.root, mode=0o750, group=app),
        *(Directory(f"{paths.root}/{part}") for part in ("releases", "venvs", "slots")),
    ]
    return Part(
        accounts=(Account(app, paths.state),),
        directories=(
            *ours,
            # Open to all, since the proxy looks the live-slot flag up here; what is private has its own mode.
            Directory(paths.etc),
            Directory(f"{paths.etc}/releases", mode=0o750, group=app),
            Directory(f"{paths.etc}/slots", mode=0o750, group=app),
            Directory(paths.state, mode=0o750, owner=app, group=app),
            Directory("/var/cache/homeport"),
            Directory(paths.cache, mode=0o750, owner=app, group=app),
        ),
    )
