"""What runs on the host: the one program that starts, switches and prunes releases.

Every module in here but this one is put on hosts as it is (`homeport.delivery`) and executed by the system's own Python
(3.10 or later), so they import the standard library and each other, and nothing else of homeport. The program is
started several times by each release and waited for each time: named tuples and not dataclasses, whose import takes a
quarter of a start.
"""
