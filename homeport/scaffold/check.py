"""Whether a new project says what homeport wants to hear: its settings are loaded, and its application is read."""

from __future__ import annotations

from ast import literal_eval

from homeport.errors import UsageError
from homeport.scaffold.project_files import NewProject, settings_of
from homeport.settings.loading import load
from homeport.source import read_source


def problem(new_project: NewProject) -> str | None:
    """Return what would keep the application from being deployed as it is now; None when nothing would.

    Raises UsageError for a value that the user has given himself and that no setting may have.
    """
    settled = {name: literal_eval(value) for name, value, _ in settings_of(new_project)}
    settings = load({**settled, "domain": new_project.domain}, "production")
    try:
        # The project's folder need not be there: the path to the application is all that is taken from it.
        read_source(settings, new_project.project)
    except UsageError as error:
        return error.line()
    return None
