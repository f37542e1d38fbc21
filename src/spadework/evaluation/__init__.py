"""Floor 4, judgement: models and splits become numbers."""
