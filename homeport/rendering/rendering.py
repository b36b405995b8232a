"""Rendering of the files that go to hosts: Jinja2, undefined names are errors, a project's `overrides/` wins.

An override with the same relative name replaces a template; it may also extend the original (as `homeport/NAME`) and
replace only some of its blocks.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from traceback import extract_tb

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
)

from homeport.controller.folders import TEMPLATES
from homeport.errors import UsageError
from homeport.rendering.compiled import compiled_templates
from homeport.rendering.filters import (
    backend_name,
    caddy_word,
    more_than,
    regex_quote,
    replace_shell,
    server_name,
    shell_quote,
    starred,
    systemd_quote,
    with_directives,
)


@lru_cache(maxsize=8)
def environment(overrides: Path | None) -> Environment:
    """Return the Jinja environment for a project whose overrides are in `overrides` (None: without)."""
    ours = FileSystemLoader(TEMPLATES)
    loaders = [FileSystemLoader(overrides)] if overrides else []
    jinja = Environment(
        loader=ChoiceLoader([*loaders, ours, PrefixLoader({"homeport": ours})]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configuration files, not HTML
        bytecode_cache=compiled_templates(),
    )
    jinja.filters["backend_name"] = backend_name
    jinja.filters["caddy_word"] = caddy_word
    jinja.filters["more_than"] = more_than
    jinja.filters["regex_quote"] = regex_quote
    jinja.filters["replace_shell"] = replace_shell
    jinja.filters["server_name"] = server_name
    jinja.filters["shell_quote"] = shell_quote
    jinja.filters["systemd_quote"] = systemd_quote
    jinja.filters["with_directives"] = with_directives
    jinja.filters["json"] = json.dumps
    jinja.tests["starred"] = starred
    return jinja


def render(name: str, overrides: Path | None = None, /, **values: object) -> str:
    """Render the template `name` with `values`; raise UsageError in one line, with file and line, when it cannot be."""
    try:
        return environment(overrides).get_template(name).render(**values)
    except Exception as error:  # whatever an override's expressions raise is a mistake in the override
        problem = f"there is no template {error}" if isinstance(error, TemplateNotFound) else str(error)
        raise UsageError(f"template cannot be rendered: {problem}", key=_place(error) or name) from error


def _place(error: Exception) -> str:
    """Return file and line of the template that `error` comes from; "" when it comes from none."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or error.name}:{error.lineno}"
    # Jinja has templates in the traceback as if they were modules.
    frames = [frame for frame in extract_tb(error.__traceback__) if not frame.filename.endswith((".py", ">"))]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
