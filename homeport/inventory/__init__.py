"""The machines of a run: inventories, their host keys, and what one machine must know of the others."""
