"""The cache's process: `python -m homeport.lab.cache CONFIG`, where CONFIG is a JSON file that `service.py` writes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from homeport.lab.cache.server import serve

if __name__ == "__main__":
    serve(json.loads(Path(sys.argv[1]).read_text()))
