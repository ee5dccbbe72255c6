"""The step-size rules: the α in x ← x − α u, one file each."""
