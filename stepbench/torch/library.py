"""The module torch, imported when it is first used: it takes seconds, and it need not be installed."""

from typing import Any

from stepbench.fields import InputError


def library() -> Any:
    """The module torch; raises InputError where it is not installed."""
    try:
        import torch
    except ImportError:
        raise InputError('networks need torch: pip install "stepbench[torch]"') from None
    return torch
