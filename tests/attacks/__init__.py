"""Attacks: scripts that try very many inputs, and print how many ended as nothing should; each has a short test, too."""
