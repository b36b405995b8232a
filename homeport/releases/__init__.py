"""The releases of a host as its host program lists them, and which one a rollback goes to. Pure."""
