"""``python -m stepbench``: the command line."""

from stepbench.cli import main

main()
