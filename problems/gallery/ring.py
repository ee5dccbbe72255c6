"""The Mexican hat."""

from stepbench import Problem


class Ring(Problem):
    """A hill in a moat: every point of a circle is a minimum.

    f(w) = ¼ (‖w‖² − 1)²

    The Hessian is singular along the circle.
    """

    x0 = (0.2, 0.05)
    f_star = 0.0
    view = ((-1.6, 1.6), (-1.6, 1.6))
    source = "Goldstone, Field theories with superconductor solutions, 1961"

    def f(self, w):
        """A double well along every diameter."""
        a = (w * w).sum(0) - 1
        return 0.25 * a * a

    def grad(self, w):
        """Towards the circle."""
        return w * ((w * w).sum(0) - 1)
