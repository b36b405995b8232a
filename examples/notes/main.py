"""The notes application: what `fastapi run main.py --workers N` imports.

It puts the parts together and owns nothing else: `notes/api.py` has the routes that an application has,
`notes/probes.py` the routes that show how it is being served, `notes/database.py` the connection. Importing it
connects to nothing, so that the server's manager process, which imports it only to find `app`, holds no file open;
each worker opens the database in its own lifespan.
"""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from notes import api, database, deployment, probes

# A child of uvicorn's own logger has its handler and level: one format in the journal, and nothing to configure.
log = logging.getLogger("uvicorn.notes")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the database of this worker, and close it when the worker is asked to stop.

    Both lines name the process, so that a log shows whether every worker was shut down rather than killed.
    """
    here = deployment.current()
    if here.release:
        # The proxy logs every request already; logging it twice costs about a third of the throughput.
        logging.getLogger("uvicorn.access").disabled = True
    app.state.engine = database.create_engine(database.url_from_environment())
    where = app.state.engine.url.render_as_string(hide_password=True)
    log.info("notes: worker %d started, release %s, database %s", os.getpid(), here.release or "none", where)
    try:
        yield
    finally:
        app.state.engine.dispose()
        log.info("notes: worker %d stopped", os.getpid())


app = FastAPI(title="notes", summary="The sample application that homeport deploys.", lifespan=lifespan)
app.add_middleware(deployment.ServedBy)
app.include_router(api.router)
app.include_router(probes.router)
