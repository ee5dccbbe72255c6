"""Rules against their authors' own code: numbers that it printed, in double precision.

Each was run on f(p, q) = (1 − p)² + (q − p²)² from (0.5, −0.3), with torch 2. In the code of L4 two calls of ``add_``
were written as torch has them now.
"""

import numpy as np
import pytest

from stepbench import run
from tests.methods.plain_floats import MILD

# Each row: the spec, the step sizes of the first steps, and the point after the last of them.
PRINTED = {
    # github.com/IssamLaradji/sps, 6d112a1: Sps(n_batches_per_epoch=1, init_step_size=0.01)
    "sps:variant=reference,alpha_max=0.01": (
        [0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 0.33848834425684327],
        [0.9777810383138917, 0.7674894296081425],
    ),
    # github.com/IssamLaradji/sls, 1934653: Sls(n_batches_per_epoch=1, init_step_size=1), which first tries 2
    "sls:alpha0=2": (
        [
            0.6973568802000003,
            0.28715919507674126,
            0.1802271963595136,
            0.23649412706295372,
            0.2036059341163504,
            0.21640908246545473,
            0.18631402789512846,
            0.22003314066358884,
        ],
        [0.8852396796233112, 0.6054824054119777],
    ),
    # github.com/georgeretsi/NTLR, d2d279e: TLR(SGD(lr=0.05), batches_per_epoch=3)
    "tlr:variant=reference,lr=0.05,K=1": (
        [0.05, 0.05, 0.05, 0.05, 0.1717940847443226, 0.6601990364016648, 1.1936738601481616, 1.4199121667778767],
        [1.3615371584317315, 0.6916323522449417],
    ),
    # the same, with batches_per_epoch=6
    "tlr:variant=reference,lr=0.05,K=2": (
        [0.05] * 7
        + [0.125134219888641] * 2
        + [0.2862955863190856] * 2
        + [0.45155542434001006] * 2
        + [0.5934641460340204],
        [0.8624952176953246, 0.7029785538464535],
    ),
    # github.com/IssamLaradji/sls, 1934653, src/optimizers/others/l4.py: L4(SGD(lr=1))
    "l4": (
        [
            0.022077356557358947,
            0.02039393593748837,
            0.01868753865806263,
            0.016999055911235322,
            0.015360432684848914,
            0.013795153026536623,
            0.012319318393531677,
            0.010942917859361488,
        ],
        [0.5031886775864199, -0.1719410547815216],
    ),
    # L4(SGD(lr=1, momentum=0.9))
    "momentum+l4": (
        [
            0.022077356557358947,
            0.010465002736288542,
            0.006603548377951155,
            0.00467689642382549,
            0.0035228898475158483,
            0.0027548063926859535,
            0.0022073261798656444,
            0.0017980475068515034,
        ],
        [0.4975869221567079, -0.1715122137654656],
    ),
    # L4(Adam(lr=1, eps=1e-4))
    "l4-adam": (
        [
            0.022449051969704346,
            0.022175819270963376,
            0.019350501321084256,
            0.016546596309592827,
            0.014221589588953304,
            0.012311044466542881,
            0.010712431646695922,
            0.009342319836615369,
        ],
        [0.5261344630480437, -0.17380663772759747],
    ),
}


@pytest.mark.parametrize("spec", PRINTED)
def test_a_rule_gives_the_numbers_of_its_authors_code(spec):
    sizes, end = PRINTED[spec]
    r = run(MILD.spec, spec, start=MILD.start, steps=len(sizes))
    np.testing.assert_allclose(r.step_size[1:], sizes, rtol=1e-6)  # the code's ε differ from none by so much
    np.testing.assert_allclose(r.x[-1], end, rtol=1e-6)


@pytest.mark.parametrize("K", [1, 2, 5])
def test_the_code_of_tlr_loses_its_first_window(K):
    """Its first window has K + 1 steps and is lost, the second is compared with none: α first changes after 3K + 1."""
    r = run("quadratic:kappa=3", f"tlr:variant=reference,lr=0.01,K={K}", steps=4 * K + 2)
    assert (r.step_size[1 : 3 * K + 2] == 0.01).all()
    assert r.step_size[3 * K + 2] != 0.01
