"""PROVISIONAL"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RunOptions:
    budget: Any = None
    epochs: Any = None
    steps: Any = None
    target: Any = None
    start: Any = None
    seed: int = 0
    noise: float = 0.0
    every: Any = None
    checkpoint: Any = None
    checkpoint_every: int = 1000
