"""The test set of Moré, Garbow and Hillstrom.

Moré, Garbow & Hillstrom, Testing unconstrained optimization software, ACM TOMS 7 (1981) 17-41, and Algorithm 566.
All 35 problems, numbered as there: f(w) = Σ r_i(w)², the published starts, and the published minima.
"""
