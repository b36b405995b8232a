"""homeport: a FastAPI application on machines of one's own, from a bare VM to HTTPS."""

__version__ = "0.1.0"
