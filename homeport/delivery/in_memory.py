"""A program for a host that is not installed there: its modules travel in one text and are imported from memory."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

# Runs on the host. The empty sources are those of the packages above, whose own text is not for hosts.
RECEIVE = """\
import base64, importlib.abc, importlib.util, json, sys, zlib
sent = json.loads(zlib.decompress(base64.b64decode(TEXT)))
packages = {one[:end] for one in sent["modules"] for end, sign in enumerate(one) if sign == "."}
class Sent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name in sent["modules"] or name in packages:
            return importlib.util.spec_from_loader(name, self, is_package=name in packages)
    def exec_module(self, module):
        source = sent["modules"].get(module.__name__, "")
        exec(compile(source, module.__name__, "exec"), module.__dict__)
sys.dont_write_bytecode = True
sys.meta_path.insert(0, Sent())
importlib.import_module(sent["main"]).main(sent["given"])
"""


def program(main: str, packages: tuple[str, ...], given: Mapping[str, object]) -> str:
    """Return the text for a Python's standard input that calls `main(given)` of the module `main`.

    All modules of `packages` and of the packages in them go with it. `given` must be JSON.
    """
    modules = {f"{package}.{name}": text for package in packages for name, text in _modules(files(package)).items()}
    sent = json.dumps({"modules": modules, "main": main, "given": given})
    return f"TEXT = {base64.b64encode(zlib.compress(sent.encode(), 9)).decode()!r}\n{RECEIVE}"


def _modules(folder: Traversable) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in folder.iterdir():
        if entry.is_dir():
            found |= {f"{entry.name}.{name}": text for name, text in _modules(entry).items()}
        elif entry.name.endswith(".py") and entry.name != "__init__.py":
            found[entry.name.removesuffix(".py")] = entry.read_text()
    return found
