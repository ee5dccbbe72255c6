"""Studies: thousands of runs as one question, each kept as it ends."""

from stepbench.study.study import Stopped, Study

__all__ = ["Stopped", "Study"]
