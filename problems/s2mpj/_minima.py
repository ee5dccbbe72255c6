"""m"""

MINIMA = {}
