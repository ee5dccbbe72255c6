"""Results in a browser: one HTML file, and the explorer. Needs the extra ``web``."""
