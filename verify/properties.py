"""What is searched for counterexamples: a claim, and how cases for it are drawn. One entry each."""

from dataclasses import dataclass

from hypothesis import strategies as st

from verify.cases import Case
from verify.catalogue.functions import EXP, SIGMOID
from verify.whole import whole_cases

SMOOTH = ("gelu", "silu", "softplus", "tanh", "sigmoid")  # shrinks to the first that will do


@dataclass(frozen=True)
class Property:
    """A claim to be attacked.

    Args:
        claim: its name.
        says: how the cases are drawn.
        draw: draws them.
        built_in: names of the claim's hypotheses that every drawn case meets by construction; the others are decided
            case by case.
    """

    claim: str
    says: str
    draw: st.SearchStrategy[Case]
    built_in: frozenset[str] = frozenset()


PROPERTIES: tuple[Property, ...] = (
    Property(
        "alpha-closed-form",
        "drawn piecewise-linear networks, entries off kinks, exponential head",
        whole_cases(EXP),
        frozenset({"affine-along-line", "exp-head"}),
    ),
    Property(
        "alpha-closed-form-any-head",
        "drawn piecewise-linear networks, entries off kinks, sigmoid head",
        whole_cases(SIGMOID),
        frozenset({"affine-along-line"}),
    ),
    Property(
        "alpha-closed-form-any-tail",
        "drawn networks with smooth activations and gates, exponential head",
        whole_cases(EXP, activations=SMOOTH, with_gates=True),
        frozenset({"exp-head"}),
    ),
)
