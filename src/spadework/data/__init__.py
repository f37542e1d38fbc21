"""Floor 1, facts: immutable values without opinions."""
