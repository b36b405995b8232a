from __future__ import annotations

from hypothesis import settings

# A busy machine makes no example wrong.
settings.register_profile("homeport", deadline=None)
settings.load_profile("homeport")
