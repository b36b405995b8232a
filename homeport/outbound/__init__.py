"""Internet access for a host without its own: through the connection of a deploy and the controller's network.

sshd on the host listens at a loopback port there for as long as a command runs that fetches, and hands each connection
to this process, which is an HTTP proxy for them (`gateway`). Nothing listens on the controller. The password is new for
each command: other accounts of the host reach the port as well.
"""
