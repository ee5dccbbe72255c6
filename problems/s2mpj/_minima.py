"""m"""
MINIMA = {}
