"""Attacks on what the bench keeps and says."""
