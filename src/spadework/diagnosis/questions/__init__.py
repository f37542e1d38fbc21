"""Questions to the data: one file, one family of findings; one function, one question.

Start with `popularity`; `comparisons` has what they share. `spadework explain CODE` prints the
docstring of a question.
"""
