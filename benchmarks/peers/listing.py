"""Runs on a provisioned host: prints folders, files with their content, and links as JSON. Standard library only.

Argument: JSON with the shell patterns `managed` (all below them counts) and `left_out`.
"""

import base64
import fnmatch
import json
import stat
import sys
from pathlib import Path


def main() -> None:
    """Print what is there."""
    given = json.loads(sys.argv[1])
    tops = [top for pattern in given["managed"] for top in Path("/").glob(pattern)]
    paths = {path for top in tops for path in [top, *top.rglob("*")]}
    found: dict[str, list[dict[str, str]]] = {"directories": [], "files": [], "links": []}
    for path in sorted(paths):
        if not any(fnmatch.fnmatch(str(path), "/" + pattern) for pattern in given["left_out"]):
            kind, entry = _entry(path)
            found[kind].append(entry)
    print(json.dumps(found))


def _entry(path: Path) -> tuple[str, dict[str, str]]:
    if path.is_symlink():
        return "links", {"path": str(path), "target": str(path.readlink())}
    mode = stat.S_IMODE(path.stat().st_mode)
    entry = {"path": str(path), "mode": f"0{mode:o}", "owner": path.owner(), "group": path.group()}
    if path.is_dir():
        return "directories", entry
    return "files", {**entry, "content": base64.b64encode(path.read_bytes()).decode()}


if __name__ == "__main__":
    main()
