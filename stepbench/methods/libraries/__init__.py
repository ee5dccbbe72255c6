"""Other libraries' optimizers as methods, one adapter file per library.

An adapter has ``names()``, the optimizers that the library installed here has; ``load(name)``, the class of one; and
``version()``. Each raises InputError where the library is not installed, and nothing imports it before it is used.
"""
