"""The directions: the u in w ← w − α u, one file each."""
