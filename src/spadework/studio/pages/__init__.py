"""What the pages show: each a function from files and choices to a page with a JSON twin."""
