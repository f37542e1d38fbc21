"""Floor 7, doors: parse, call one function below, render."""
