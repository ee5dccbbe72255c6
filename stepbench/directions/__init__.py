"""The directions: the u in x ← x − α u, one file each."""
