"""To be declared."""

from stepbench.reproduce.claims import Paper

PAPER = Paper("rdbd", "", ())
