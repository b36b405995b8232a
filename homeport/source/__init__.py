"""From a git repository on the controller to a release: what is in it, what it needs, and its archive.

Only git, uv and the tools of other locks are run, and the user's `build_commands`. No code of the application is
imported, and no host is read.
"""

from homeport.source.archive import Archive, Present
from homeport.source.release import Source, read_source

__all__ = ["Archive", "Present", "Source", "read_source"]
