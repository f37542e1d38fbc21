"""Logs larger than memory: read in batches, dealt out by user on disk, sorted part by part.

Start reading in large_log.
"""
