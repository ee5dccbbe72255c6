"""The tests, in folders of the same names as the code that they test."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The root of the repository."""
