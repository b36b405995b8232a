"""Asks a host for a fact; when that fails, gives the reason in the host's own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pyinfra.api import FactBase
from pyinfra.api.exceptions import FactProcessError

from homeport.errors import HomeportError
from homeport.pyinfra_support import commands
from homeport.pyinfra_support.answers import LOOK, NOBODY_TO_ASK, explain_failure
from homeport.pyinfra_support.connection import is_lost

if TYPE_CHECKING:
    from pyinfra.api import Host

T = TypeVar("T")


class UnreadError(HomeportError):
    """A host did not answer, or with something else; `problem` says what came instead, `fix` what to do."""


def read_fact(host: Host, fact: type[FactBase[T]], *arguments: Any, sudo: bool, stdin: str = "") -> T:
    """Return what `fact` reads on `host`, `stdin` on its standard input; raise UnreadError, when that cannot be had."""
    heard: list[commands.CommandResult] = []
    try:
        with _keep_results(host, heard):
            given = {"_stdin": stdin} if stdin else {}
            found = host.get_fact(fact, *arguments, _ignore_errors=True, _sudo=sudo, **given)
    except EOFError:
        problem, fix = NOBODY_TO_ASK
        raise UnreadError(problem, host=host.name, fix=fix) from None
    if found is None:
        raise _explain(host, fact, heard)
    return found


@contextmanager
def _keep_results(host: Host, heard: list[commands.CommandResult]) -> Iterator[None]:
    """Keep the results of commands: pyinfra itself only says that a fact failed."""
    connector: Any = host.connector
    if connector is None:
        yield
        return
    as_ever = connector.run_shell_command

    def listening(*words: Any, **options: Any) -> tuple[bool, Any]:
        done = commands.run(host, *words, **options, otherwise=as_ever)
        heard.append(done)
        return done.good, done.output

    connector.run_shell_command = listening
    try:
        yield
    finally:
        del connector.run_shell_command


def _explain(host: Host, fact: type[FactBase[Any]], heard: list[commands.CommandResult]) -> UnreadError:
    if not heard or is_lost(host):
        return UnreadError("the connection broke", host=host.name, fix=LOOK)
    done = heard[-1]
    if not done.good:
        problem, fix = explain_failure(done.status, done.output.stderr_lines, done.output.stdout_lines)
        return UnreadError(problem, host=host.name, fix=fix)
    problem = "the host printed nothing"
    try:
        if done.output.stdout_lines:
            fact().process(done.output.stdout_lines)
    except FactProcessError as error:
        problem = str(error)
    return UnreadError(problem, host=host.name, fix=LOOK)
