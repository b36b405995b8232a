"""The smallest application that can be deployed: no database, no migrations, no state."""

import os

from fastapi import FastAPI

app = FastAPI(title="hello")


@app.get("/")
def hello() -> dict[str, str]:
    return {"hello": "world"}


@app.get("/health")
def health() -> dict[str, str | int]:
    """Answering is all that there is to be healthy about; the rest says which deployment answered."""
    release, slot = os.environ.get("HOMEPORT_RELEASE", ""), os.environ.get("HOMEPORT_SLOT", "")
    return {"status": "ok", "release": release, "slot": slot, "pid": os.getpid()}
