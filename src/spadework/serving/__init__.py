"""Answers to requests: a release, histories and events in, lists out.

Start with `served_release` (a release in memory) and `answering_requests` (from a request to a
list), then `stores/` (where events are kept), `releases` (which release is live) and `http/` (the
server). Needs nothing of evaluation, diagnosis and workbench.
"""
