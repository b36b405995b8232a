# Changes the firewall and sshd, under the dead man's switch. Standard input: the request, for the host program.
exec /usr/local/lib/homeport/homeport-host apply-access
