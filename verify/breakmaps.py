"""Where alpha breaks: seven maps, each theory over measurement.

Theory is the right-hand side of a claim of `derivation`, in ball arithmetic; measurement is torch. Every map takes the
library of claims as an argument, so that an error can be planted in it.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from sympy import Basic, Expr
from torch import Tensor, nn

from cam.jets import Function, tower
from cam.weights import alpha_closed, alpha_from_tail, alpha_printed
from derivation.claim import Claim
from derivation.claims import LIBRARY
from derivation.notation import Q, S, T, beta, f, sigma, x
from verify.arithmetic.ball import BALL
from verify.breakmap import Break, BreakMap, Curve, Mark, Panel, Points, curve
from verify.catalogue.functions import EXP, GELU, RELU, SIGMOID, TANH, Face
from verify.measured import (
    affine_at,
    alpha_of,
    float64,
    grid,
    in_float32,
    line,
    points,
    powers,
    theory,
    unit,
    watched,
)

Claims = Mapping[str, Claim]
ALPHA = "pixel weight α (no unit)"
SHORT = "alpha-closed-form-short"
SMALLEST, LARGEST = 2.0**-126, 2.0**128  # normal numbers of float32: from the first, below the second


def sigmoid_poles(reach: float) -> tuple[float, ...]:
    """Return the scores at which alpha under a sigmoid has a pole, sigma g = `reach` not 0.

    2 + sigma g rho = 0 is a quadratic in s = sigmoid(S): 6 X s^2 - (6 X + 4) s + X + 2 = 0, X = sigma g.
    """
    root = math.sqrt((6 * reach + 4) ** 2 - 24 * reach * (reach + 2))
    candidates = sorted((6 * reach + 4 + sign * root) / (12 * reach) for sign in (-1, 1))
    return tuple(math.log(s / (1 - s)) for s in candidates if 0 < s < 1)


def sigmoid_pole(library: Claims = LIBRARY) -> BreakMap:
    """Map alpha under a sigmoid over the score: sure of the class or not, with the poles, beside (19)."""
    slope, drawn, measured = 0.5, grid(-6, 8, 561), grid(-6, 8, 29)
    curves: list[Curve] = []
    found: list[Points] = []
    marks: list[Mark] = []
    for series, footprint in enumerate((2.0, 6.0, 12.0)):
        at = partial(affine_at, slope, footprint, outer=SIGMOID)
        true = theory(library["alpha-sigmoid-head"].rhs, at)
        tail = unit(slope, float64(measured) - slope)
        alpha = watched(partial(alpha_of, torch.sigmoid, tail, torch.ones(29, dtype=torch.float64), footprint))
        label = f"σ g = {footprint * slope:g}"
        curves.append(curve(label, drawn, true, series=series))
        curves.append(curve("", (drawn[0], drawn[-1]), theory(library[SHORT].rhs, at), "closed", series))
        found.append(points(f"{label}, float64", measured, alpha, true, series))
        marks += [Mark(pole, "pole", series) for pole in sigmoid_poles(footprint * slope)]
    axis = "class score S (logit, no unit)"
    panel = Panel("", axis, ALPHA, tuple(curves), tuple(found), (-1.5, 1.5), tuple(marks))
    return BreakMap(
        "sigmoid-pole",
        "The weight under a sigmoid, and what (19) makes of it",
        "Under a sigmoid α = 1/(2 + σ ρ g) follows (19) only where the class is unlikely: it is 0 at S = 0, has a pole "
        "at some S < 0 for every σ g > 0, and a second one at some S > 0 once σ g > 2.",
        ("alpha-sigmoid-head", SHORT),
        (panel,),
    )


PLACES: tuple[tuple[str, Callable[[float], float]], ...] = (
    ("x = 1, active", lambda sharpness: 1.0),
    ("x = 1/4, active", lambda sharpness: 0.25),
    ("x = 1/β, beside the kink", lambda sharpness: 1 / sharpness),
    ("x = 0, on the kink", lambda sharpness: 0.0),
    ("x = −1/4, inactive", lambda sharpness: -0.25),
)


def softplus_sharpness(library: Claims = LIBRARY) -> BreakMap:
    """Map the error of (19) for a softplus over its sharpness beta, at places that stay put or move to the kink."""
    # Powers of two only: beta x is then exact in float64, as it is in the theory.
    drawn, sharp = powers(0, 6, 241), powers(0, 6, 7)
    curves, found = [], []
    for series, (label, place) in enumerate(PLACES):
        error = theory(library["alpha-softplus-error"].rhs, partial(_softplus_at, place))
        difference = watched(partial(_softplus_error, float64(sharp), float64([place(one) for one in sharp])))
        signed = points(f"{label}, float64", sharp, difference, error, series)
        curves.append(curve(label, drawn, partial(_size, error), series=series))
        found.append(Points(signed.label, sharp, tuple(map(abs, signed.ys)), signed.bounds, signed.gaps, (), series))
    panel = Panel(
        "",
        "sharpness β of the softplus (per unit of x)",
        "|1/α − 1/α of (19)| for σ = 1 (no unit)",
        tuple(curves),
        tuple(found),
        (1e-16, 1e3),
        scales=("log", "log"),
    )
    return BreakMap(
        "softplus-sharpness",
        "A softplus is not a ReLU: the error of (19) as it sharpens",
        "Sharpening a softplus under exp makes (19) right at a fixed x > 0 alone: on the kink the error tends to σ, "
        "and at x = 1/β and at x < 0 it grows like β.",
        ("alpha-softplus-error",),
        (panel,),
    )


def _softplus_at(place: Callable[[float], float], sharpness: float) -> Mapping[Basic, Any]:
    return {beta: sharpness, x: place(sharpness), sigma: 1.0}


def _size(quantity: Callable[[float], Any], place: float) -> Any:
    return abs(quantity(place))


def _softplus_error(sharpness: Tensor, at: Tensor) -> Tensor:
    """Return the true 1/alpha minus that of (19), for S = softplus under an exponential and a footprint of 1."""

    def tail(moved: Tensor) -> Tensor:
        return (sharpness * moved).logaddexp(moved * 0) / sharpness

    true = alpha_of(torch.exp, tail, at, 1.0)
    return 1 / true - 1 / alpha_closed(tower(tail, at, 1)[1], torch.ones_like(at))


def _negative_part(u: Any) -> Any:
    return -BALL.positive_part(-u)


def _relu6_ball(u: Any) -> Any:
    return BALL.positive_part(u) - BALL.positive_part(u - 6)


# Activation: name, its ball, torch's own module, kinks, and where it is flat (so that (10) is 0/0) to the left of.
ACTIVATIONS: tuple[tuple[str, Callable[[Any], Any], nn.Module, tuple[float, ...], float], ...] = (
    ("ReLU", RELU.ball, nn.ReLU(), (0.0,), 0.0),
    ("GELU", GELU.ball, nn.GELU(), (), -math.inf),
    ("SiLU", lambda u: u / (1 + (-u).exp()), nn.SiLU(), (), -math.inf),
    ("ELU", lambda u: BALL.positive_part(u) + _negative_part(u).exp() - 1, nn.ELU(), (0.0,), -math.inf),
    ("tanh", TANH.ball, nn.Tanh(), (), -math.inf),
    ("hard-swish", lambda u: u * _relu6_ball(u + 3) / 6, nn.Hardswish(), (-3.0, 3.0), -3.0),
)


def activations(library: Claims = LIBRARY) -> BreakMap:
    """Map alpha of a hidden unit under exp over its pre-activation, beside (19), for activations bent and straight."""
    true = 1 / (1 / library[SHORT].rhs + library["alpha-curvature-correction"].rhs)
    return BreakMap(
        "activations",
        "One hidden unit under exp: the true weight and (19), by activation",
        "(19) is right where the unit is affine (ReLU, ELU at x > 0, hard-swish at x > 3) and on no other "
        "interval: bent units reach weights below 0, above 1/2 and poles that (19) does not have.",
        (SHORT, "alpha-curvature-correction"),
        tuple(_activation_panel(true, library[SHORT].rhs, *row) for row in ACTIVATIONS),
    )


def _activation_panel(
    true: Expr,
    closed: Expr,
    name: str,
    ball: Callable[[Any], Any],
    module: nn.Module,
    kinks: tuple[float, ...],
    flat: float,
) -> Panel:
    """Draw one activation from -5 to 5; the points lie off the kinks, where no second derivative exists."""
    face = Face(name, lambda u: u, module, ball)
    footprint = 3.0
    drawn = tuple(place for place in grid(-5, 5, 641) if place > flat)
    measured = [place for place in grid(-4.875, 4.875, 27) if place > flat and place not in kinks]

    def at(place: float) -> Mapping[Basic, Any]:
        return {S: face, f: EXP, sigma: footprint, x: place}

    alpha = watched(lambda: alpha_of(torch.exp, unit(1.0, 0.0, module), float64(measured), footprint))
    return Panel(
        name,
        "pre-activation x (no unit)",
        "pixel weight α, σ = 3 (no unit)",
        (
            curve("(10), true", drawn, theory(true, at)),
            curve("(19), closed form", drawn, theory(closed, at), "closed"),
        ),
        (points(f"{name}, float64", measured, alpha, theory(true, at)),),
        (-1.25, 1.5),
        tuple(Mark(kink, "kink") for kink in kinks),
        reach=(-5.0, 5.0),
        blank=None if math.isinf(flat) else Break(-math.inf, flat, "flat:\n0/0"),
    )


def temperature(library: Claims = LIBRARY) -> BreakMap:
    """Map alpha under exp(S/T) over the temperature: from equal weights, as in Grad-CAM, to none."""
    drawn, measured = powers(-6, 8, 561), tuple(1.25 * one for one in powers(-6, 7, 14))
    curves: list[Curve] = [curve("1/2: equal weights, as in Grad-CAM", (drawn[0], drawn[-1]), _half, "limit", 4)]
    found = []
    for series, reach in enumerate((0.5, 2.0, 8.0, -1.0)):
        true = theory(library["alpha-tempered-exp-head"].rhs, partial(_tempered_at, reach))
        heat = float64(measured)
        outer, tail = partial(_tempered, heat), unit(reach, 0.25 - reach)
        alpha = watched(partial(alpha_of, outer, tail, torch.ones_like(heat), 1.0))
        curves.append(curve(f"σ g = {_signed(reach)}", drawn, true, series=series))
        found.append(points(f"σ g = {_signed(reach)}, float64", measured, alpha, true, series))
    marks = (Mark(1.0, "T = 1, where (19) is right"), Mark(0.5, "pole", 3))
    axis = "temperature T (unit of the score)"
    panel = Panel("", axis, ALPHA, tuple(curves), tuple(found), (-1.0, 2.0), marks, ("log", "linear"))
    return BreakMap(
        "temperature",
        "Tempering the exponential: from Grad-CAM to nothing",
        "Under exp(S/T), α = T/(2 T + σ g) tends to 1/2, the same for every pixel, as T grows, and to 0 as T shrinks; "
        "a negative σ g meets a pole at T = −σ g/2.",
        ("alpha-tempered-exp-head",),
        (panel,),
    )


def _tempered_at(reach: float, heat: float) -> Mapping[Basic, Any]:
    return {**affine_at(reach, 1.0, 0.25), T: heat}


def _half(_: float) -> Any:
    from flint import arb

    return arb(0.5)


def _signed(number: float) -> str:
    return f"{number:g}".replace("-", "−")


def _tempered(heat: Tensor, score: Tensor) -> Tensor:
    return (score / heat).exp()


# Gradients of the class that is explained and of its rivals, whose scores are 0.
RIVALS: tuple[tuple[str, float, tuple[float, ...]], ...] = (
    ("two classes, g = 1; rival 0", 1.0, (0.0,)),
    ("three, g = 1; rivals ±1/2", 1.0, (0.5, -0.5)),
    ("three, g = 1/2; rivals ±1", 0.5, (1.0, -1.0)),
)


def softmax_confidence(library: Claims = LIBRARY) -> BreakMap:
    """Map alpha under a softmax over the lead of the class; all scores are affine."""
    drawn, measured = grid(-6, 10, 321), grid(-6, 10, 33)
    footprint = 4.0
    curves: list[Curve] = []
    found: list[Points] = []
    for series, (label, slope, rivals) in enumerate(RIVALS):
        at = partial(_softmax_at, slope, rivals, footprint)
        true = theory(library["alpha-softmax"].rhs, at)
        leads = float64(measured)
        component = partial(_softmax_component, leads, slope, rivals)
        alpha = watched(partial(alpha_of, component, torch.clone, torch.zeros_like(leads), footprint))
        curves.append(curve(label, drawn, true, series=series))
        curves.append(curve("", (drawn[0], drawn[-1]), theory(library[SHORT].rhs, at), "closed", series))
        found.append(points(f"{label}, float64", measured, alpha, true, series))
    axis = "lead of the class over its rivals (logit, no unit)"
    panel = Panel("", axis, ALPHA, tuple(curves), tuple(found), (-1.5, 1.5))
    return BreakMap(
        "softmax-confidence",
        "The weight under a softmax as the network grows sure",
        "Under a softmax α starts from (19) for an unlikely class whose rivals have no gradient; as the class takes "
        "the lead it passes a pole or two and ends, negative here (σ = 4), at E[Δ²]/(2 E[Δ²] − σ E[Δ³]), Δ the class's "
        "gradient less a rival's.",
        ("alpha-softmax", SHORT),
        (panel,),
    )


def _softmax_at(slope: float, rivals: tuple[float, ...], footprint: float, lead: float) -> Mapping[Basic, Any]:
    """Return the score of the class and the normaliser Q along the line, at x = 0."""

    def normaliser(u: Any) -> Any:
        return sum(((u * one).exp() for one in rivals), (u * slope + lead).exp())

    total = Face("sum of exponentials", lambda u: u, lambda u: u, normaliser)
    return {S: line(slope, lead), Q: total, sigma: footprint, x: 0.0}


def _softmax_component(lead: Tensor, slope: float, rivals: tuple[float, ...], moved: Tensor) -> Tensor:
    """Return the softmax written out: the shift by the maximum in torch's own leaves the bound open."""
    own = (slope * moved + lead).exp()
    return own / sum(((one * moved).exp() for one in rivals), own)


def precision(library: Claims = LIBRARY) -> BreakMap:
    """Map what float32 makes of (19) as printed and of (10) with exp(S) in it, beside forms that need neither."""
    return BreakMap(
        "precision",
        "float32: where exp(S) overflows and the cube of g underflows",
        "In float32 (19) as printed goes wrong where g³ leaves the range, and (10) where exp(S) does, from |S| of "
        "about 87; the forms in which g² and exp(S) cancel stay within their rounding error.",
        (SHORT,),
        (_cube_panel(library[SHORT].rhs), _overflow_panel(library[SHORT].rhs)),
    )


def _cube_panel(closed: Expr) -> Panel:
    """Compare (19) as printed with its short form, sigma g = 1 within rounding: g and sigma as float32 holds them."""
    slopes = torch.tensor(powers(-90, 90, 41), dtype=torch.float32)
    footprints = 1 / slopes
    xs = tuple(slopes.double().tolist())
    sigmas = dict(zip(xs, footprints.double().tolist(), strict=True))

    def at(slope: float) -> Mapping[Basic, Any]:
        return affine_at(slope, sigmas.get(slope, 1 / slope), slope)

    true = theory(closed, at)

    def form(weight: Callable[[Tensor, Tensor], Tensor], dtype: torch.dtype) -> Tensor:
        at = torch.ones(len(slopes), dtype=dtype)
        return weight(tower(unit(slopes.to(dtype)), at, 1)[1], footprints.to(dtype))

    cube, square = LARGEST ** (1 / 3), LARGEST**0.5
    breaks = (
        Break(0.0, 2.0**-75, "g² rounds to 0 for g < 2.6e-23: 0/0, NaN"),
        Break(2.0**-75, SMALLEST ** (1 / 3), "g³ underflows for g < 2.3e-13: α drifts to 1/2"),
        Break(cube, square, "g³ overflows for g > 7.0e12: α = 0"),
        Break(square, math.inf, "g² overflows for g > 1.8e19: ∞/∞, NaN"),
    )
    return Panel(
        "σ g = 1, so that α = 1/3 whatever g is",
        "gradient g (score per unit of A)",
        ALPHA,
        (curve("theory 1/(2 + σ g)", powers(-90, 90, 2), true),),
        (
            points("g²/(2 g² + σ g³), float32", xs, in_float32(partial(form, alpha_printed)), true, 1, breaks),
            points("1/(2 + σ g), float32", xs, in_float32(partial(form, alpha_closed)), true, 2),
        ),
        (-0.1, 0.6),
        scales=("log", "linear"),
    )


def _overflow_panel(closed: Expr) -> Panel:
    """Compare (10) by nested autograd of exp(S) with the form in which Y > 0 has cancelled, for an affine tail."""
    slope, footprint = 0.75, 2.0
    scores = grid(-120, 100, 45)
    true = theory(closed, partial(affine_at, slope, footprint))

    def tail(dtype: torch.dtype) -> Function:
        return unit(slope, torch.tensor(scores, dtype=dtype) - slope)

    def whole(dtype: torch.dtype) -> Tensor:
        return alpha_of(torch.exp, tail(dtype), torch.ones(len(scores), dtype=dtype), footprint)

    def cancelled(dtype: torch.dtype) -> Tensor:
        _, g, h, t = tower(tail(dtype), torch.ones(len(scores), dtype=dtype))
        return alpha_from_tail(g, h, t, torch.as_tensor(footprint, dtype=dtype))

    subnormal = math.log(SMALLEST / slope**3)
    largest = math.log(LARGEST / (2 * slope**2 + footprint * slope**3))
    gone = -150 * math.log(2)
    breaks = (
        Break(-math.inf, gone, "exp(S) rounds to 0 for S < −104: 0/0, NaN"),
        Break(gone, subnormal, "Y''' underflows for S < −86.5 and loses digits"),
        Break(largest, math.inf, "the denominator overflows for S > 88.0: 0, then NaN"),
    )
    return Panel(
        "g = 3/4, σ = 2, so that α = 2/7 whatever S is",
        "class score S (logit, no unit)",
        ALPHA,
        (curve("theory 1/(2 + σ g)", (scores[0], scores[-1]), true),),
        (
            points("Y''/(2 Y'' + σ Y'''), float32", scores, in_float32(whole), true, 1, breaks),
            points("with Y = exp(S) cancelled, float32", scores, in_float32(cancelled), true, 2),
        ),
        (-0.1, 0.6),
    )


def epsilon(library: Claims = LIBRARY) -> BreakMap:
    """Map the relative error that a constant in the denominator of (19) makes, over the gradient."""
    footprint, guards = 16.0, {"10⁻⁶": 1e-6, "10⁻⁷": 1e-7, "10⁻⁸": 1e-8}
    _, denominator = library["alpha-closed-form"].rhs.as_numer_denom()
    drawn, measured = powers(-24, 2, 209), powers(-24, 2, 27)
    curves, found = [], []
    for series, (label, guard) in enumerate(guards.items()):
        error = partial(_share, theory(denominator, lambda slope: affine_at(slope, footprint, slope)), guard)
        computed = watched(partial(_guarded_error, float64(measured), footprint, guard))
        curves.append(curve(f"ε = {label}", drawn, error, series=series))
        found.append(points(f"ε = {label}, float64", measured, computed, error, series))
    marks = tuple(Mark(math.sqrt(guard / 2), "g = √(ε/2)", series) for series, guard in enumerate(guards.values()))
    panel = Panel(
        "",
        "gradient g (score per unit of A), σ = 16",
        "relative error of α (no unit)",
        tuple(curves),
        tuple(found),
        (1e-11, 3.0),
        marks,
        ("log", "log"),
    )
    return BreakMap(
        "epsilon",
        "What a constant ε in the denominator does to small gradients",
        "With ε added to 2 g² + σ g³, α is too small by the share ε/(2 g² + σ g³ + ε): by half near g = √(ε/2), and "
        "by all of it below, where the true limit is 1/2.",
        ("alpha-closed-form",),
        (panel,),
    )


def _share(denominator: Callable[[float], Any], guard: float, slope: float) -> Any:
    """Return 1 - alpha_eps/alpha = eps/(denominator + eps)."""
    return guard / (denominator(slope) + guard)


def _guarded_error(slopes: Tensor, footprint: float, guard: float) -> Tensor:
    """Return 1 - alpha_eps/alpha, g by autograd of one hidden unit."""
    g = tower(unit(slopes), torch.ones_like(slopes), 1)[1]
    guarded = g**2 / (2 * g**2 + footprint * g**3 + guard)
    return 1 - guarded / alpha_closed(g, torch.as_tensor(footprint, dtype=g.dtype))


MAPS: tuple[Callable[..., BreakMap], ...] = (
    sigmoid_pole,
    softplus_sharpness,
    activations,
    temperature,
    softmax_confidence,
    precision,
    epsilon,
)
