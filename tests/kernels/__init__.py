"""Kernels against NumPy."""
