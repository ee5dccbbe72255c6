"""Kernels: the text of a method and of a problem, recorded once on symbols, and compiled.

``symbols`` are what the text computes with while it is recorded, ``recording`` makes a ``Program`` of one step and one
look, and ``llvm`` and ``javascript`` write that program for the processor and for a page.
"""
