"""What is asked of the data: one file, one family of findings; one function, one question.

Start with `popularity`; `asking` has what they share. The docstring of a question is what
`spadework explain CODE` prints.
"""
