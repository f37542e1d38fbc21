"""Logs whose columns are files: what is read of them comes into memory, and can leave it again.

Start reading in mapped_log.
"""
