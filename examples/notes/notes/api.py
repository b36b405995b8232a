"""The routes that make it an application: the notes, and a page that shows them.

Plain `def`, as SQLAlchemy blocks: FastAPI runs them in threads, and the worker goes on answering.
"""

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import HTMLResponse

from notes import deployment, page
from notes.database import DatabaseSession
from notes.models import Note, NoteIn, NoteOut

router = APIRouter()

NOTES_ON_PAGE = 8


@router.api_route("/", methods=["GET", "HEAD"], response_class=HTMLResponse, include_in_schema=False)
def home(session: DatabaseSession) -> str:
    """The home page: the latest notes, and who served it."""
    return page.render(_latest(session, NOTES_ON_PAGE), _count(session), deployment.current())


@router.get("/notes", response_model=list[NoteOut])
def list_notes(session: DatabaseSession, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[Note]:
    """The latest notes, newest first."""
    return _latest(session, limit)


@router.post("/notes", response_model=NoteOut, status_code=201)
def add_note(note: NoteIn, session: DatabaseSession) -> Note:
    """Keep a note. The answer is sent after the commit: what was acknowledged outlives every end of this process."""
    added = Note(text=note.text, release=deployment.current().release)
    session.add(added)
    session.commit()
    return added


@router.get("/notes/{note_id}", response_model=NoteOut)
def read_note(note_id: int, session: DatabaseSession) -> Note:
    """One note."""
    return _existing(session, note_id)


@router.put("/notes/{note_id}", response_model=NoteOut)
def replace_note(note_id: int, note: NoteIn, session: DatabaseSession) -> Note:
    """Replace a note's text."""
    kept = _existing(session, note_id)
    kept.text = note.text
    session.commit()
    return kept


@router.delete("/notes/{note_id}", status_code=204)
def delete_note(note_id: int, session: DatabaseSession) -> None:
    """Forget a note."""
    session.delete(_existing(session, note_id))
    session.commit()


def _latest(session: DatabaseSession, limit: int) -> list[Note]:
    return list(session.scalars(sa.select(Note).order_by(Note.id.desc()).limit(limit)))


def _count(session: DatabaseSession) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(Note)) or 0


def _existing(session: DatabaseSession, note_id: int) -> Note:
    """Return the note, or answer 404."""
    if (note := session.get(Note, note_id)) is None:
        raise HTTPException(404, f"there is no note {note_id}")
    return note
