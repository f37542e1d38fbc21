"""One file, one command: a module here that defines `command` is a command of that name. Heavy
imports stay inside functions.
"""
