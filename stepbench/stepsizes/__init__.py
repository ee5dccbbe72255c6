"""The step-size rules: the α in w ← w − α u, one file each."""
