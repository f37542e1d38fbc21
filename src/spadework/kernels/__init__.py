"""Floor 2, arithmetic: arrays in, arrays out. Nothing here knows of users or items."""
