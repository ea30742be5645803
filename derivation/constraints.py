"""What the claims answer about the three constraints of the post: necessary, sufficient, for which conclusion.

The post announces two constraints and lists three. An answer is not typed here: a question names the claims that decide
it, and is answered yes if all of them are proved, no if one is refuted, and is open else.
"""

from dataclasses import dataclass

from derivation.claims.constraints import WORDS


@dataclass(frozen=True)
class Question:
    """Whether a constraint is necessary or sufficient for a conclusion.

    Args:
        asks: "sufficient" or "necessary".
        conclusion: for what, and together with what.
        claims: names of the claims that say so; the answer is yes if all are proved, no if one is refuted.
        remark: what the answer leaves unsaid.
    """

    asks: str
    conclusion: str
    claims: tuple[str, ...]
    remark: str = ""


@dataclass(frozen=True)
class Constraint:
    """One of the constraints as printed, and the questions about it."""

    place: str
    words: str
    questions: tuple[Question, ...]


RULE = "the n-th derivative rule, Y^(n) = Y g^n"
CLOSED = "the closed form (19)"
PIECES = ("affine-pieces-add-up", "relu-of-affine-piece", "maximum-of-affine-pieces")  # S'' = 0 by induction on layers
OFF_KINKS = (*PIECES, "exp-power-rule", "alpha-closed-form")

CONSTRAINTS = (
    Constraint(
        "first",
        WORDS["first"],
        (
            Question(
                "sufficient",
                f"{RULE}, with an exponential, without the second",
                ("constraint-layers-sufficient",),
                "not with a smooth activation",
            ),
            Question(
                "sufficient",
                f"{CLOSED}, with an exponential, without the second",
                ("alpha-closed-form-softplus",),
                "not with a smooth activation, such as softplus",
            ),
            Question(
                "sufficient",
                f"{RULE} and {CLOSED}, with the second and an exponential, off kinks",
                OFF_KINKS,
                "layer by layer S is affine near the point; (19) where g is not 0 and sigma g is not -2",
            ),
            Question(
                "sufficient",
                f"{RULE}, with the second and an exponential, everywhere",
                ("post-piecewise-linear-second-derivative",),
                "at a kink not even the first derivative exists",
            ),
            Question(
                "necessary",
                "S'' = 0",
                ("constraint-layers-necessary",),
                "a product of two entries is affine along the line of either",
            ),
            Question(
                "necessary",
                CLOSED,
                ("constraint-layers-necessary-for-closed-form",),
                "under an exponential it is exact for a product of two entries",
            ),
        ),
    ),
    Constraint(
        "second",
        WORDS["second"],
        (
            Question(
                "sufficient", "S'' = 0, alone", ("constraint-activations-sufficient",), "a layer may multiply by itself"
            ),
            Question(
                "sufficient",
                f"{CLOSED}, with an exponential, without the first",
                ("constraint-activations-sufficient-for-closed-form",),
                "a layer may multiply by itself",
            ),
            Question(
                "necessary",
                "S'' = 0",
                ("constraint-activations-necessary",),
                "two SiLU units with opposite weights make a linear tail",
            ),
            Question(
                "necessary",
                CLOSED,
                ("constraint-activations-necessary-for-closed-form",),
                "under an exponential it is exact for the tail log cosh, which is curved everywhere",
            ),
        ),
    ),
    Constraint(
        "third",
        WORDS["third"],
        (
            Question(
                "sufficient",
                f"{CLOSED}, alone",
                ("alpha-closed-form-any-tail",),
                "not for a curved tail, the outer function being the exponential",
            ),
            Question(
                "sufficient",
                f"{CLOSED}, with the other two",
                ("constraint-curved-head-sufficient",),
                "f''' has to equal f'' as well: f = a e^S + b S + c",
            ),
            Question(
                "sufficient",
                "the closed form 1/(2 + sigma rho g), with the other two",
                ("alpha-any-head",),
                "where g is not 0 and sigma rho g is not -2; f has to have a third derivative",
            ),
            Question(
                "necessary",
                "the n-th derivative rule for any outer function, Y^(n) = f^(n)(S) g^n",
                ("constraint-curved-head-necessary-for-derivatives",),
                "the rule holds for every smooth outer function",
            ),
            Question(
                "necessary",
                "the pixel weight (10) to exist",
                ("constraint-curved-head-necessary-for-alpha",),
                "where f'' = 0 and f''' is not 0 the weight is 0",
            ),
            Question(
                "necessary",
                f"{CLOSED}, with the other two",
                ("constraint-curved-head-necessary-for-closed-form",),
                "where f''(S) = 0 the weight is 0 or does not exist, and (19) says neither",
            ),
        ),
    ),
)
