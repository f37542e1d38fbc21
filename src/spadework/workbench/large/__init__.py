"""Logs with more rows than a dig holds in memory: a sample of the users is dug, and what it chooses
is fitted on everything. Start reading in sample: sample → room, user_samples · everything → sample.
"""
