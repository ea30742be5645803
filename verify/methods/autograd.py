"""float64 derivatives by torch, by two oracles that nest differently, against a bound that running error analysis
derives.

float64 never certifies: where the two sides differ by more than the bound the evidence is UNDECIDED and says by how
    much.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sympy import Basic, Derivative, Eq, Ge, Gt, Le, Lt, Max, Ne
from sympy.core.relational import Relational

from derivation.claim import Claim
from verify.arithmetic.float64 import Float64
from verify.cases import Case
from verify.methods.trial import Tally
from verify.probe import NoRule, Scalar, value
from verify.tabulate import calculus, worth
from verify.verdict import Evidence, Verdict

if TYPE_CHECKING:
    from torch import Tensor

    from verify.rounding import RunningError

AT_MOST = 10
FORWARD = 4  # forward mode costs several times what reverse mode does
CASES = "small cases of the catalogue by reverse mode, some also by forward mode"


def _nothing_moves(_: Scalar) -> Scalar:
    raise NoRule("every derivative is computed beforehand")


ALGEBRA = Float64(_nothing_moves)


@dataclass(frozen=True)
class Difference:
    """|lhs - rhs| in every case of a batch, and what running error analysis allows if the two sides are equal.

    Shape (B,).
    """

    residual: "Tensor"
    bound: "Tensor"

    def decided(self) -> tuple["Tensor", "Tensor"]:
        """Residuals and bounds of the cases whose bound is finite.

        The others (a pole or a branch within rounding) say nothing.
        """
        known = self.residual.isfinite() & self.bound.isfinite()
        return self.residual[known], self.bound[known]


def autograd(claim: Claim) -> Evidence:
    """Try a claim on the first `AT_MOST` cases that meet its hypotheses, by every oracle of `cam.jets`."""
    import torch

    from cam.jets import ORACLES

    if _circular(claim):
        note = "not run: torch has it built in that the second derivative of max(0, .) is 0; it could find nothing else"
        return Evidence("autograd", Verdict.UNDECIDED, CASES, note=note)
    tally = Tally(claim, AT_MOST)
    batches: dict[Any, list[Case]] = defaultdict(list)
    few: list[Case] = []
    for case in tally:
        if len(few) < FORWARD:
            few.append(case)
        batches[tuple(number for symbol, number in case.numbers if symbol.is_integer)].append(case)
    differences, reasons = [], []
    for batch in batches.values():
        rows = [
            (case, oracle) for name, oracle in ORACLES.items() for case in batch if name != "forward" or case in few
        ]
        try:
            differences.append(_compare(claim, rows))
        except NoRule as reason:
            reasons += [str(reason)] * len(rows)
    if not differences:
        note = f"not run: {reasons[0]}" if reasons else "no case meets the hypotheses"
        return Evidence("autograd", Verdict.UNDECIDED, CASES, vacuous=tally.vacuous, note=note)
    joined = Difference(*(torch.cat([getattr(d, part) for d in differences]) for part in ("residual", "bound")))
    found = weigh(joined, CASES, tally.vacuous)
    return (
        found if not reasons else replace(found, note="; ".join(filter(None, (found.note, f"not tried: {reasons[0]}"))))
    )


def in_float64(claim: Claim, case: Case) -> str:
    """Say by how much the two sides differ in one case in float64, reverse mode, and what rounding allows."""
    from cam.jets import ORACLES

    if _circular(claim):
        return "not run: torch has it built in that the second derivative of max(0, .) is 0"
    if not all(number.is_Rational for _, number in case.numbers):
        return "not run: a number of the case is no float64"
    try:
        found = _compare(claim, [(case, ORACLES["reverse"])])
    except NoRule as reason:
        return f"not run: {reason}"
    return f"residual {found.residual.item():.3g}, rounding allows {found.bound.item():.3g}"


def _compare(claim: Claim, rows: Sequence[tuple[Case, Callable[[Scalar], Scalar]]]) -> Difference:
    """Compare both sides in cases with the same orders and exponents, each by an oracle.

    Derivatives are looked up, the rest is computed.
    """
    import torch

    from verify.rounding import RunningError

    numbers = [dict(case.numbers) for case, _ in rows]
    at: dict[Basic, Any] = {}
    for symbol in numbers[0]:
        column = [float(each[symbol]) for each in numbers]
        at[symbol] = int(column[0]) if symbol.is_integer else torch.tensor(column, dtype=torch.float64)
    errors: dict[Basic, Tensor] = {}
    for part in dict.fromkeys((*calculus(claim.lhs), *calculus(claim.rhs))):
        at[part], errors[part] = torch.tensor([worth(part, *row) for row in rows], dtype=torch.float64).T.contiguous()
    with RunningError() as mode:
        for part, error in errors.items():
            mode.assume(at[part], error)
        return difference(value(claim.lhs, at, ALGEBRA), value(claim.rhs, at, ALGEBRA), mode, len(rows), claim.relation)


def _circular(claim: Claim) -> bool:
    """Whether a claim differentiates max(0, .) twice."""
    derivatives = (claim.lhs - claim.rhs).atoms(Derivative)
    return any(d.has(Max) and sum(order for _, order in d.variable_count) != 1 for d in derivatives)


def difference(lhs: Any, rhs: Any, mode: "RunningError", size: int, relation: type[Relational] = Eq) -> Difference:
    """Compare two sides, tensors of shape (size,) or numbers, inside the analysis that watched their computation.

    The residual of an inequality is by how much it fails. Sides that differ, if only by more than the bound, are what
    lhs != rhs asks for: nothing is known where they do not.
    """
    import torch

    lhs, rhs = (torch.as_tensor(side, dtype=torch.float64).expand(size) for side in (lhs, rhs))
    gap = lhs - rhs
    error, gap = mode.error(gap).detach(), gap.detach()
    if relation is Ne:
        return Difference(torch.zeros_like(gap), error.masked_fill(gap.abs() <= error, torch.inf))
    missing = {Eq: gap.abs(), Gt: (-gap).relu(), Ge: (-gap).relu(), Lt: gap.relu(), Le: gap.relu()}
    return Difference(missing[relation], error)


def weigh(found: Difference, case: str, vacuous: int, method: str = "autograd") -> Evidence:
    """Build the evidence of a batch; cases without a finite bound (a branch or a pole within rounding) say nothing."""
    import torch

    residual, bound = found.decided()
    tried, unknown = residual.numel(), found.residual.numel() - residual.numel()
    if tried == 0:
        note = f"none of {unknown} cases has a finite error bound"
        return Evidence(method, Verdict.UNDECIDED, case, vacuous=vacuous, note=note)
    beyond = int((residual > bound).sum())
    # 0/0 is a case without any rounding: it comes nearest to its bound only if all are.
    worst = int(torch.nan_to_num(residual / bound, nan=0.0).argmax())
    notes = [f"{beyond} of {tried} differ by more than the bound; float64 alone refutes nothing"] if beyond else []
    notes += [f"{unknown} more have no finite error bound"] if unknown else []
    return Evidence(
        method,
        Verdict.UNDECIDED if beyond else Verdict.SUPPORTED,
        case,
        residual=float(residual[worst]),
        bound=float(bound[worst]),
        tried=tried,
        vacuous=vacuous,
        note="; ".join(notes),
    )
