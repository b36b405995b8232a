"""What a host's status says to people: figures in words, advice, and the page that `homeport status --html` writes."""
