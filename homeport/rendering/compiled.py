"""Compiled templates are kept between runs, since compiling them is a good part of a run that changes nothing."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache

from jinja2.bccache import Bucket, FileSystemBytecodeCache

from homeport import __version__
from homeport.controller.folders import cache_folder


class CompiledTemplates(FileSystemBytecodeCache):
    """Jinja's cache, which never makes a run fail: a template that cannot be kept (full disk) is compiled again."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template, if that can be done."""
        with suppress(OSError):
            super().dump_bytecode(bucket)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fetch a compiled template, if it is there and can be read."""
        with suppress(OSError):
            super().load_bytecode(bucket)


@lru_cache(maxsize=1)
def compiled_templates() -> CompiledTemplates | None:
    """Return the cache in the user's cache directory, readable by nobody else; None where there can be none.

    Each version of homeport has its own: its filters take part in the compilation.
    """
    folder = cache_folder(f"templates-{__version__}")
    return CompiledTemplates(str(folder)) if folder else None
