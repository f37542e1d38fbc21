"""`python -m spadework` is the same command."""

from spadework.apps.cli import main

main()
