"""Floor 5, advice: data and scores become findings."""
