"""The checks that may refuse a deploy before it changes anything. Pure."""
