"""Passwords of visitors, as a proxy compares them: hashed by bcrypt, which is what Nginx and HAProxy share. Pure.

The salt is made of names, so that the same password gives the same file and a deploy finds nothing to change.
"""

from __future__ import annotations

import base64
import functools
from hashlib import sha256

import bcrypt

# bcrypt takes no more than 72 bytes.
SHORTEST, LONGEST = 8, 72
# 2^5 rounds take 2 ms, and a proxy that asks for a password spends them on each request, while it serves nobody else.
COST = 5
SALT_BYTES = 16
# The alphabet that bcrypt has for base64.
USUAL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
ITS_OWN = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def password_problem(password: str) -> str:
    """Return why this cannot be a visitor's password; "" when it can."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"must have {SHORTEST} to {LONGEST} characters"
    if not (password.isascii() and password.isprintable()):
        return "must have characters of ASCII alone: browsers do not agree on how they send others"
    return ""


@functools.cache
def hashed(password: str, *names: str) -> str:
    """Return the password's bcrypt hash, as crypt(3) has it; `names` (of site and user) make its salt."""
    salt = sha256("\0".join(names).encode()).digest()[:SALT_BYTES]
    text = base64.b64encode(salt).rstrip(b"=").translate(bytes.maketrans(USUAL, ITS_OWN))
    return bcrypt.hashpw(password.encode(), b"$2b$%02d$%s" % (COST, text)).decode()
