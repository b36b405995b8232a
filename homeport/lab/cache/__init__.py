"""The lab's package cache: a small HTTP server on the bridge for apt (as its proxy) and for pip and uv (as their
index).

It keeps what never changes for ever, asks again for what may, and answers from what it has when the outside is away.
"""
