"""``stepbench check``: how it tells what failed."""

import re

import pytest

from tests.catalog.own_files import RULE, VALLEY, write


@pytest.mark.slow
def test_a_failed_check_says_so_with_the_numbers_and_the_exit_code(stepbench_cli):
    wrong = (
        VALLEY
        + """
        def grad(self, x):
            import numpy as np
            t = x[1] - x[0] * x[0]
            return np.stack([2 * (x[0] - self.a) - 4 * self.b * x[0] * t, 2.001 * self.b * t])
    """
    )
    write("valley.py", wrong)
    code, out, err = stepbench_cli("check", "./valley.py")
    assert (code, err) == (1, "")
    assert "1 failed" in out
    assert re.search(
        r"component 2 is \S+ and by the complex step \S+; wrong at \d+ of 32 points", " ".join(out.split())
    )


def test_an_error_in_one_check_is_a_finding_and_the_others_go_on(stepbench_cli):
    write(
        "bowl.py",
        """
        from stepbench import Problem
        class Bowl(Problem):
            x0 = (1.0,)
            def f(self, x):
                if x.max() > 50:
                    raise OverflowError("too far")
                return (x * x).sum(0)
            def grad(self, x):
                return 2 * x
        """,
    )
    code, out, err = stepbench_cli("check", "./bowl.py")
    assert (code, err) == (1, "")
    assert "./bowl.py, line 7: OverflowError: too far" in " ".join(out.split())
    assert "✓" in out


@pytest.mark.slow
def test_a_check_reads_any_name(stepbench_cli):
    write("rule.py", RULE)
    for spec in ("rosenbrock", "mgh/beale", "adam+rdbd", "csawg", "adam+./rule.py", "./rule.py:lr=1e+0"):
        code, out, _ = stepbench_cli("check", spec)
        assert code == 0, out
    code, _, err = stepbench_cli("check", "scipy:bfgs")
    assert code == 2
    assert "owns its loop" in err
