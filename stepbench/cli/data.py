"""What is said on the command line of the examples that a problem draws from data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stepbench.options import DATA, RunOptions, option, same_option

if TYPE_CHECKING:
    from stepbench import Problem


@dataclass(frozen=True)
class DataOptions:
    """The options of the commands that run problems with data."""

    batch: int | None = option(None, "Examples a step sees.", DATA, shown="the problem's")
    epochs: float | None = same_option(RunOptions, "epochs")
    device: str | None = option(None, "Where to train: cpu or cuda.", DATA, shown="cpu")
    data: Path | None = option(None, "The folder of MNIST or CIFAR-10.", DATA, shown="$STEPBENCH_DATA or data")
    download: bool = option(False, "Let torchvision fetch what the folder lacks.", DATA)

    def find(self) -> None:
        """Say to this process and its workers where data lie, and whether they may be fetched."""
        from stepbench import InputError
        from stepbench.torch.datasets import DOWNLOAD, FOLDER

        if self.data is not None:
            if not self.data.is_dir() and not self.download:
                raise InputError(f"--data {self.data} is no folder: make it, or give --download too")
            os.environ[FOLDER] = str(self.data.absolute())  # workers inherit it
        if self.download:
            os.environ[DOWNLOAD] = "1"

    def problem(self, spec: str) -> Problem:
        """The problem of a spec, with what these options say of its data."""
        from stepbench import InputError, catalog
        from stepbench.contracts import parameters

        self.find()
        found = catalog.problem(spec)
        said = {name: value for name, value in (("batch", self.batch), ("device", self.device)) if value is not None}
        for name in said:
            if name not in parameters(found):
                raise InputError(f"--{name}: {spec} has none: leave it out")
        return catalog.problem(found, **said)
