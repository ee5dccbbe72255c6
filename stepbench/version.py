"""The version of stepbench."""

__version__ = "0.1.0"
