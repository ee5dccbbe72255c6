"""Surfaces in two parameters, for pictures and lessons."""
