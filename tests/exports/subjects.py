"""What engines are given, where a test renders their files by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from homeport.exports.engines import Code, Subject
from homeport.service.describe import describe
from homeport.service.model import Service
from tests.service.kept_units import Case, context

CODE = Code(
    python="3.13",
    install=(("pip", "install", "-r", "requirements.txt", "--require-hashes"),),
    inputs=("requirements.txt",),
    made_from="requirements.txt",
    tools="uv==1.2.3 \\\n    --hash=sha256:00\n",
)


def subject(case: Case = Case(), code: Code = CODE, **changed: Any) -> Subject:  # noqa: B008
    """Return what an engine is given for a case; `changed` are fields of the `Subject`."""
    given = context(case)
    workers = given.settings.workers
    service = describe(given, "of this image", workers if isinstance(workers, int) else 1)
    memory = given.settings.memory_max_megabytes
    limits = replace(service.limits, memory_max_megabytes=memory if isinstance(memory, int) else None)
    found = Subject(given.settings, replace(service, limits=limits), code, "production", given.render)
    return replace(found, **changed)


def service(case: Case = Case()) -> Service:  # noqa: B008
    return subject(case).service
