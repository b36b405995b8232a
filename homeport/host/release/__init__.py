"""A release from its start in the idle slot to its end: start, switch, watch, prune, restart."""
