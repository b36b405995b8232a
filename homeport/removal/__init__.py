"""The program that removes an application, or homeport itself, from a host.

It is never installed there: it comes with the command (`homeport.delivery.in_memory`) and runs from memory, so that it
knows all that this version of homeport writes, whichever version has provisioned the host, and can remove the host
program too. Standard library, and modules of the host program.
"""
