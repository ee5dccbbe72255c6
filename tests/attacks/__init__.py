"""Attacks: scripts that try very many inputs, and print how many ended badly; each has a short test, too."""
