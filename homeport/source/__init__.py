"""From a git repository on the controller to a release: what is in it, what it needs, and its archive.

Only git (by `git`) and uv (by `resolving`) are run. Nothing of the application is imported or executed, and no host is
looked at.
"""

from homeport.source.archive import Archive, Present
from homeport.source.release import Source, read_source

__all__ = ["Archive", "Present", "Source", "read_source"]
