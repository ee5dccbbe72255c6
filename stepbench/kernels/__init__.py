"""Kernels: the text of a method and of a problem, recorded once on symbols, and compiled.

``symbols`` are what the text computes with while it is recorded, ``recording`` makes a ``Program`` of one step and one
look, and ``kernel`` writes that program for the processor, in the language of ``llvm``, and ``javascript`` for a page.
"""
