"""Plans: ordered lists of steps and phases; what a run is given, and what its steps make of it."""
