"""Guarantees: the exact worst case of a fixed-step method over all smooth convex functions, found by PEPit."""

from stepbench.guarantees.beside import Beside, beside, check
from stepbench.guarantees.closed_forms import ClosedForm
from stepbench.guarantees.worst_case import CRITERIA, Criterion, Guarantee, Row, rate

__all__ = ["CRITERIA", "Beside", "ClosedForm", "Criterion", "Guarantee", "Row", "beside", "check", "rate"]
