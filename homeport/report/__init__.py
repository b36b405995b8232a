"""A host's status for people: figures in words, advice, and the page that `homeport status --html` writes."""
