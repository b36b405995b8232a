"""`homeport cert`. Thin: what the certificate is comes from `homeport status`, renewing it from Certbot on the host."""

from __future__ import annotations

from typing import Any

import click

from homeport.cli.change_run import Wording, follow, require_confirmation
from homeport.cli.processes import command_line, lock_wait_option, target_options
from homeport.cli.query_run import end, gather_answers, print_json
from homeport.cli.status_view import certificate
from homeport.errors import UsageError

EXAMPLES = """\b
Examples:
  homeport cert production
  homeport cert production --renew --limit web1.example.com
"""


@click.command(epilog=EXAMPLES)
@target_options
@click.option("--renew", is_flag=True, help="Request a new certificate now, however long the present one is valid.")
@click.option("--yes", is_flag=True, help="With --renew: do not ask for confirmation; needed without a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (without --renew).")
@lock_wait_option
def cert(target: str, limit: tuple[str, ...], renew: bool, yes: bool, as_json: bool, lock_wait: int | None) -> None:
    """Show the certificates that TARGET serves: names, issuer, days left, and when they are renewed; changes nothing.

    A timer renews certificates by itself. --renew replaces a certificate and its key at once, for example when
    somebody may have seen the key. Authorities limit certificates: Let's Encrypt gives five of the same names in a
    week.
    """
    if renew:
        _renew(target, limit, yes=yes, as_json=as_json, lock_wait=lock_wait)
        return
    hosts = [_published(one) for one in gather_answers("status", target, limit)]
    if as_json:
        print_json(hosts)
    else:
        for one in hosts:
            words = one["error"] if "error" in one else line_of(one)
            click.echo(f"{one['host']}: {words}", err="error" in one)
    end(hosts)


def line_of(one: dict[str, Any]) -> str:
    """Return what there is to say of a host's certificate."""
    found = one["certificate"]
    if found is None:
        return "no certificate"
    served = "" if found["served"] else "; ANOTHER ONE IS SERVED"
    return f"{', '.join(found['names'])}: {certificate(found, one['at'])}{served}"


def _renew(target: str, limit: tuple[str, ...], *, yes: bool, as_json: bool, lock_wait: int | None) -> None:
    if as_json:
        raise UsageError("it prints certificates, and renews none", key="--json", fix="leave out --json or --renew")
    require_confirmation(yes=yes)
    words = command_line("renew", target, limit, {"lock_wait_seconds": lock_wait})
    follow(words, yes=yes, wording=Wording("renew", "renewed"))


def _published(one: dict[str, Any]) -> dict[str, Any]:
    if "error" in one:
        return one
    return {key: one[key] for key in ("host", "app", "at", "certificate")}
