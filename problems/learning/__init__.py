"""Learning from data, where the noise is real.

Regression on data that scikit-learn ships, a stream whose task drifts, and a two-layer network.
"""
