"""Two ledgers: a small literal with every oddity in it, and one of all claims."""

import copy
import itertools
import math

import pytest
from sympy import latex

from derivation.claims import CLAIMS
from verify import ledger
from verify.report import site

_CORRECTOR = {
    "name": "square-slope",
    "says": "The second derivative of e^(S) has the square of the slope.",
    "lhs": r"\frac{d^{2}}{d x^{2}} f{\left(S{\left(x \right)} \right)}",
    "rhs": r"f''\left(S{\left(x \right)}\right) \left(\frac{d}{d x} S{\left(x \right)}\right)^{2}",
    "relation": "=",
    "text": "d²f(S(x))/dx² = f''(S(x))·(dS(x)/dx)²",
    "given": [
        {
            "name": "affine",
            "says": "S is affine along the line",
            "latex": r"\frac{d^{2}}{d x^{2}} S{\left(x \right)} = 0",
        }
    ],
    "uses": ["chain-rule"],
    "corrects": ["no-square"],
    "corrected_by": [],
    "source": {"work": "gradcampp", "where": "", "words": "", "reading": ""},
    "verdict": "PROVED",
    "stands": False,
    "proof": {
        "holds": True,
        "reason": "",
        "links": [
            {
                "before": r"\frac{d^{2}}{d x^{2}} f{\left(S{\left(x \right)} \right)}",
                "relation": "=",
                "after": r"\sigma + 1",
                "says": "chain rule",
                "by": ["chain-rule"],
                "decided": True,
                "difference": None,
            },
            {
                "before": r"\sigma + 1",
                "relation": "=",
                "after": "x",
                "says": "algebra",
                "by": [],
                "decided": True,
                "difference": None,
            },
        ],
    },
    "evidence": [
        {
            "method": "autograd",
            "verdict": "SUPPORTED",
            "case": "S = 2x, f = exp",
            "residual": 3.1e-16,
            "bound": 4.4e-15,
            "tried": 120,
            "vacuous": 3,
            "witness": None,
            "note": "note with <script>alert(1)</script> & [bold]brackets[/bold]",
        },
        {
            "method": "symbolic",
            "verdict": "PROVED",
            "case": "all values",
            "residual": None,
            "bound": None,
            "tried": 2,
            "vacuous": 0,
            "witness": None,
            "note": "",
        },
    ],
}
_FALSE = {
    **copy.deepcopy(_CORRECTOR),
    "name": "no-square",
    "says": "The slope has no square | here.",
    "uses": [],
    "corrects": [],
    "corrected_by": ["square-slope"],
    "source": {"work": "post", "where": "line <2>", "words": "d2Y/dx2 = Y'' x dS/dx & more", "reading": "as printed"},
    "verdict": "REFUTED",
    "proof": {
        "holds": False,
        "reason": "",
        "links": [
            {
                "before": r"\frac{d^{2}}{d x^{2}} f{\left(S{\left(x \right)} \right)}",
                "relation": "=",
                "after": r"f''\left(S{\left(x \right)}\right) \left(\frac{d}{d x} S{\left(x \right)}\right)^{2}",
                "says": "by calculus and algebra",
                "by": [],
                "decided": False,
                "difference": "2",
            }
        ],
    },
    "evidence": [
        {
            "method": "exact",
            "verdict": "REFUTED",
            "case": "polynomials",
            "residual": 2.0,
            "bound": None,
            "tried": 4,
            "vacuous": 0,
            "witness": {"where": "S = 2x, f = e^S, x = 0", "lhs": "4", "rhs": "2", "sign": "≠"},
            "note": "",
        }
    ],
}
_HOLE = {**copy.deepcopy(_FALSE), "name": "hole", "says": "Nobody corrects this.", "corrected_by": [], "given": []}
_OPEN = {
    **copy.deepcopy(_CORRECTOR),
    "name": "chain-rule",
    "says": "The chain rule.",
    "uses": [],
    "corrects": [],
    "verdict": "UNDECIDED",
    "proof": {"holds": False, "reason": "the step uses «x», which is not at hand", "links": []},
    "evidence": [],
}


def _network(name: str, *, holds: bool, digit: int | None) -> dict:
    rows, columns = 5, 6
    exact = [
        [math.exp(-((i - 2) ** 2 + (j - 3) ** 2) / 4) for j in range(columns)] for i in range(rows)
    ]  # a hill whose top is 1
    closed = exact if holds else [[0.5 * v + 0.1 * (j == 5) for j, v in enumerate(row)] for row in exact]
    return {
        "name": name,
        "title": f"A small network ({name})",
        "image": None,
        "digit": digit,
        "layer": "locate",
        "head": "exp",
        "class": {"index": 7, "label": "seven & $x$ <7>", "score": 9.25, "probability": 0.97},
        "shape": [16, rows, columns],
        "entries": 480,
        "nonzero": 301,
        "smooth_operations": [] if holds else ["gelu", "softmax"],
        "alpha_error": {
            "max": 2.2e-16 if holds else 0.31,
            "median": 0.0 if holds else 0.02,
            "bound": 1.5e-15,
        },
        "holds": holds,
        "map": {"closed": closed, "exact": exact},
        "map_difference": 3.3e-16 if holds else 0.5,
    }


_SMALL = {
    "schema": "gradcampp-ledger/2",
    "claims": [_FALSE, _CORRECTOR, _HOLE, _OPEN],
    "constraints": [
        {
            "place": "first",
            "words": "Only <plain> layers.",
            "questions": [
                {
                    "asks": "sufficient",
                    "conclusion": "the rule",
                    "claims": ["no-square"],
                    "remark": "a corner",
                    "answer": "no",
                },
                {
                    "asks": "necessary",
                    "conclusion": "the rule",
                    "claims": ["gone"],
                    "remark": "",
                    "answer": "not tried",
                },
            ],
        }
    ],
    "oracles": [
        {
            "name": "nested autograd",
            "case": "exp of a cubic",
            "order": 3,
            "residual": 1e-15,
            "bound": 2e-14,
            "agrees": True,
        },
        {
            "name": "finite differences",
            "case": "a kink",
            "order": 2,
            "residual": float("inf"),
            "bound": 1e-9,
            "agrees": False,
        },
    ],
    "networks": [_network("plain", holds=True, digit=None), _network("curved", holds=False, digit=None)],
    "expected": {
        "moved": [
            {
                "claim": "hole",
                "expected": {"verdict": "SUPPORTED", "stands": False, "statement": "0123456789ab"},
                "found": None,
            },
            {"claim": "curved", "expected": {"holds": True}, "found": {"holds": False}},
            {
                "claim": "gone",
                "expected": None,
                "found": {"verdict": "REFUTED", "stands": False, "statement": "ba9876543210"},
            },
        ]
    },
    "environment": {
        "gradcampp": "0.1.0",
        "python": "3.11.7",
        "seed": 0,
        "machine": "x86_64",
        "packages": {"torch": "2.13.0", "sympy": "1.14", "scikit-image": None},
    },
}


@pytest.fixture
def small() -> dict:
    """Give a ledger that a test may change."""
    return copy.deepcopy(_SMALL)


@pytest.fixture(scope="session")
def pristine() -> dict:
    """Give the same one to all tests, which leave it as it is."""
    return copy.deepcopy(_SMALL)


@pytest.fixture(scope="session")
def full() -> dict:
    """Every claim of the project, its steps as links; what another claim corrects counts as refuted, else as proved."""
    return {**copy.deepcopy(_SMALL), "claims": [_entry(claim) for claim in CLAIMS], "networks": []}


@pytest.fixture(scope="session")
def folder(tmp_path_factory, full, pristine):
    """Give the site of all claims and two networks, with break maps; nobody may change it."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "ledger.json").write_text(ledger.dumps({**full, "networks": pristine["networks"]}))
    site.write(folder)
    return folder


def _entry(claim) -> dict:
    corrected_by = [other.name for other in CLAIMS if claim.name in other.corrects]
    verdict = "REFUTED" if corrected_by else "PROVED"
    witness = {"where": f"S = x² in {claim.name}", "lhs": "4", "rhs": "2", "sign": "≠"} if corrected_by else None
    reached = [step.reached for step in claim.steps]
    sides = [claim.lhs, *reached, *([] if claim.rhs in reached else [claim.rhs])]
    return {
        "name": claim.name,
        "says": claim.says,
        "lhs": latex(claim.lhs),
        "rhs": latex(claim.rhs),
        "relation": "=",
        "text": f"{claim.lhs} = {claim.rhs}",
        "given": [{"name": h.name, "says": h.says, "latex": latex(h.relation)} for h in claim.given],
        "uses": list(claim.uses),
        "corrects": list(claim.corrects),
        "corrected_by": corrected_by,
        "source": {k: getattr(claim.source, k) for k in ("work", "where", "words", "reading")},
        "verdict": verdict,
        "stands": not corrected_by,
        "proof": {
            "holds": not corrected_by,
            "reason": "",
            "links": [
                {
                    "before": latex(before),
                    "relation": "=",
                    "after": latex(after),
                    "says": "by calculus and algebra",
                    "by": [],
                    "decided": None if corrected_by else True,
                    "difference": latex(before - after) if corrected_by else None,
                }
                for before, after in itertools.pairwise(sides)
            ],
        },
        "evidence": [
            {
                "method": "exact" if corrected_by else "symbolic",
                "verdict": verdict,
                "case": "concrete functions",
                "residual": None,
                "bound": None,
                "tried": 1,
                "vacuous": 0,
                "witness": witness,
                "note": "",
            }
        ],
    }
