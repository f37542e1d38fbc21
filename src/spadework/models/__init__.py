"""Floor 3, recommenders: one file, one idea. A class defined in any file here is a model by name."""
