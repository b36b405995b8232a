"""The renderers: each writes a `Service` for the system that it runs on."""
