"""Memory: what was asked and what came out, as a run folder, and the faces that show it."""
