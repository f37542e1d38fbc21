"""Floor 2, arithmetic: arrays in, arrays out. Nothing here knows of logs, ids or models."""
