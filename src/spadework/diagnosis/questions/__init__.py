"""What is asked of the data: one file, one family of findings; one function, one question."""
