"""From a git repository on the controller to a release: what is in it, what it needs, and its archive.

Only the `git` program is run, nothing is imported or executed from the application, and no host is looked at. The
decisions are in `homeport.rules`.
"""

from homeport.source.archive import Archive, Present
from homeport.source.release import Source, read_source

__all__ = ["Archive", "Present", "Source", "read_source"]
