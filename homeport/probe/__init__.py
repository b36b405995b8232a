"""The program that looks at a host for `homeport doctor`. It is sent there each time, runs in memory, and is never
installed.

So it works where the host program is missing or old, and on a full disk. It reads only. Every module but this one
imports nothing but the standard library (Python 3.10 or later), its neighbours and `homeport.host`, which
is sent along.
"""
