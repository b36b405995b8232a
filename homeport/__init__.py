"""homeport: a FastAPI application on machines of one's own, from a bare VM to HTTPS."""

import sys

__version__ = "0.1.0"

# pyinfra switches this off for deploy.py and config.py, which it does not import; every run would compile homeport and
# its libraries again where the installer has not done it (uv does not). What was asked for goes on.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)
