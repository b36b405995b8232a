"""The machine's phases: packages, accounts, files, tools, services. Each yields at most one command."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api import StringCommand, operation

from homeport.comparison import compare
from homeport.comparison.compare import FileChanges
from homeport.operations.command import packed, script
from homeport.operations.deploy_run import Run
from homeport.operations.diff import show_diff
from homeport.operations.outbound import fetching
from homeport.state.changes import Change
from homeport.state.paths import AppPaths
from homeport.state.wanted import ACCOUNT_COMMENT

Commands = Generator[StringCommand, None, None]


@operation()
def packages(run: Run) -> Commands:
    """Install the Debian packages that are missing; meanwhile the tools are made that need only a few of them."""
    missing = run.changes(lambda: compare.missing_packages(run.wanted, run.found))
    if run.announce([Change("install", name, "missing") for name in missing], otherwise="all packages are installed"):
        tools, wait = run.wanted.tools, str(run.settings.apt_lock_timeout_seconds)
        needed = [name for name in missing if name in tools.packages]
        others = [name for name in missing if name not in tools.packages]
        makes = bool(others) and compare.lacks_tools(run.wanted, run.found)
        digest, payload = (tools.digest, tools.requirements) if makes else ("", "")
        words: tuple[str, ...] = (wait, digest, " ".join(needed), *others)
        conditions = run.wanted.part.start_conditions if run.wanted.proxy in missing else ()
        words = (*(word for one in conditions for word in ("--condition", one.path, one.content)), *words)
        yield fetching(run.settings, "packages", *words, payload=payload)
        # Packages create users, files and running services of their own.
        run.forget()


@operation()
def accounts(run: Run) -> Commands:
    """Make the application's user."""
    missing = run.changes(lambda: compare.missing_accounts(run.wanted, run.found))
    if run.announce(
        [Change("make", f"user {account.name}", "missing") for account in missing], otherwise="all accounts are there"
    ):
        yield script(
            "accounts", ACCOUNT_COMMENT, *(word for account in missing for word in (account.name, account.home))
        )


@operation()
def files(run: Run) -> Commands:
    """Bring directories and files to the wanted state: validated first, then all of them or none."""
    pending = run.changes(lambda: compare.file_changes(run.wanted, run.found))
    if run.announce(pending.changes, otherwise="all files are as wanted"):
        show_diff(run, pending)
        yield script("files", run.wanted.app, payload=_payload(run, pending))
        run.forget()


def _payload(run: Run, pending: FileChanges) -> str:
    return packed(
        ((f"root{file.path}", file) for file in pending.files),
        extra=[("manifest", manifest(run, pending))],
    )


def manifest(run: Run, pending: FileChanges) -> str:
    """Return what `scripts/files.sh` has to do, a tab-separated line each: what, mode, owner, group, path."""
    places = AppPaths(run.wanted.app)
    rows = [("directory", f"{d.mode:o}", d.owner, d.group, d.path) for d in pending.directories]
    rows += [("file", f"{f.mode:o}", f.owner, f.group, f.path) for f in pending.files]
    rows += [("absent", "-", "-", "-", path) for path in pending.absent]
    rows += [("keep", "told" if path in pending.taken_over else "-", "-", "-", path) for path in pending.kept]
    rows += [("unkept", "-", "-", "-", path) for path in pending.unkept]
    if pending.placeholder and run.wanted.certificate:
        rows.append(("placeholder", run.settings.domain, places.tls, "-", places.placeholder))
    return "".join("\t".join(row) + "\n" for row in rows)


@operation()
def tools(run: Run) -> Commands:
    """Install Certbot and uv, pinned and checked by hash, into an environment of homeport's own."""
    changes = run.changes(lambda: compare.tools_changes(run.wanted, run.found))
    if run.announce(changes, otherwise="the tools are the locked ones"):
        words = (run.wanted.tools.digest, run.wanted.app)
        yield fetching(run.settings, "tools", *words, payload=run.wanted.tools.requirements)


@operation()
def services(run: Run) -> Commands:
    """Enable and start units, and let the proxy take up a configuration that is newer than the one it runs."""
    changes = run.changes(lambda: compare.service_changes(run.wanted, run.found))
    if run.announce(changes, otherwise="all services run, with the configuration on disk"):
        written = {change.what for change in changes if change.verb == "write"}
        payload = next((file.content for file in run.wanted.part.files if file.path in written), None)
        yield script("services", *(word for change in changes for word in (change.verb, change.what)), payload=payload)
