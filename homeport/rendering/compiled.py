"""Compiled templates are kept between runs, since compiling them is a good part of a run that changes nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from jinja2.bccache import Bucket, FileSystemBytecodeCache

from homeport import __version__


class CompiledTemplates(FileSystemBytecodeCache):
    """Jinja's cache, which is never a reason to fail: what cannot be kept (a full disk, say) is compiled again."""

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


def cache_folder(name: str) -> Path | None:
    """Return a folder of ours in the user's cache directory; None where there can be none that is the user's own.

    What lies there is run, or installed on machines.
    """
    try:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        folder = Path(base) / "homeport" / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if folder.stat().st_uid == os.getuid() else None
    except (OSError, RuntimeError):
        return None
