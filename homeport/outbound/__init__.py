"""The way out of a host that has none of its own: through the connection of a deploy, and from the controller on.

sshd on the host listens at a loopback port there for as long as a command runs that fetches, and hands each connection
to this process, which is an HTTP proxy for them (`gateway`). Nothing listens on the controller. The password is new for
each command: other accounts of the host reach the port as well.
"""
