"""What runs on the host: the one program that starts, switches and prunes releases.

Every module but this one and `delivery` is put on hosts as it is and executed by the system's own Python (3.10 or
later), so they import the standard library and each other, and nothing else of homeport. It is started several times by
each release and waited for each time: named tuples and not dataclasses, whose import takes a quarter of a start.
"""

from .delivery import files

__all__ = ["files"]
