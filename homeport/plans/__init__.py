"""Plans: ordered lists of steps and phases, and nothing else."""
