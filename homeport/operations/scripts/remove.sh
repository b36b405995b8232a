# Removes an application, or homeport itself, in a unit of its own, which outlives the connection. Arguments: the unit's name
# and description. Standard input: the program that does it, for the host's own Python.
exec systemd-run --quiet --wait --pipe --collect --unit="$1" --description="$2" /usr/bin/python3 -IB -
