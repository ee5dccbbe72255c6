"""The newer rules against their authors' own code: the points that it printed, in double precision.

Each was run for 12 steps on f(p, q) = (1 − p)² + (q − p²)² from (0.5, −0.3), with torch 2. For Schedule-Free the point
is the average. In the code of ALI-G two calls of ``add_`` were written as torch has them now.
"""

import numpy as np
import pytest

from stepbench import run
from tests.methods.plain_floats import MILD

# Each row: the spec, the point after 12 steps, and to how much of it the two must agree.
PRINTED = {
    # github.com/facebookresearch/dadaptation, c984980: DAdaptSGD and DAdaptAdam, d0=0.01
    "d-adaptation:d0=0.01": ([0.8299406894104755, 0.5854025582239828], 1e-12),
    "d-adaptation:d0=0.01,momentum=0.6": ([0.807657314834869, 0.5484209467592815], 1e-12),
    "d-adapt-adam:d0=0.01": ([0.6960114491991979, 0.44933571224624747], 1e-12),
    # github.com/konstmish/prodigy, 3efb213: ProdigyReference, d0=0.01, which has the new d before ε and we the old one
    "prodigy:d0=0.01": ([1.2192653597205079, 1.019219540694453], 1e-4),
    "prodigy:d0=0.01,eps=1e-13": ([1.2192791769485363, 1.0191991044928554], 1e-9),
    # github.com/fabian-sp/MoMo, 7be52f2: Momo with bias_correction=True, and MomoAdam
    "momo:lr=0.3": ([0.8409464537097497, 0.5918706677133659], 1e-12),
    "momo-adam": ([0.527392130505248, -0.18106186640192495], 1e-12),
    "momo-adam:lr=1": ([0.7927112462558338, 0.44979390068073183], 1e-12),
    # github.com/facebookresearch/schedule_free, 70785b5: SGDScheduleFreeReference, and AdamWScheduleFreePaper
    "schedule-free:lr=0.1": ([0.622001191543813, 0.17743439775753383], 1e-12),
    "schedule-free:lr=0.1,warmup=5,decay=0.1": ([0.5945638981526263, 0.1379478028032807], 1e-12),
    "schedule-free-adam:lr=0.1": ([0.7310152503059651, 0.3649856013577292], 1e-12),
    "schedule-free-adam:lr=0.1,warmup=5,decay=0.1": ([0.681659446513124, 0.24520482387458942], 1e-12),
    # github.com/formll/dog, 8d45cf5: DoG(reps_rel=0.01)
    "dog:r_eps=0.01": ([0.6089879581463226, 0.14017349995031106], 1e-12),
    # github.com/rka97/dowg, e4dbe02: DoWG, without the 1e-4 that it adds to the root
    "dowg": ([0.794457100915574, -0.09797284292556618], 1e-12),
    # github.com/optimizedlearning/mechanic, 4a037bc: mechanize(SGD, s_init=0.01, store_delta=True, s_decay=0)(lr=1)
    "mechanic:s_init=0.01,decay=0": ([0.8732476775984884, 0.723323082924066], 1e-12),
    # github.com/IssamLaradji/sls, 1934653, src/optimizers/others/cocob.py: CocobBackprop
    "cocob": ([0.5307832481200598, -0.12478558924800526], 1e-12),
    # github.com/oval-group/ali-g, c40de14: AliG(max_lr=0.1), and max_lr=1
    "ali-g": ([0.7180947634978516, 0.368118887020543], 1e-12),
    "ali-g:eta=1": ([0.916146745980943, 0.7729318614300958], 1e-12),
}


@pytest.mark.parametrize("spec", PRINTED)
def test_a_rule_ends_where_its_authors_code_ends(spec):
    end, tolerance = PRINTED[spec]
    r = run(MILD.spec, spec, start=MILD.start, steps=12)
    np.testing.assert_allclose(r.x[-1], end, rtol=tolerance)
