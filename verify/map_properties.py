"""Statements about whole maps, each with the assumptions that it needs and what the numeric room makes of it.

`verify.properties` attacks claims of `derivation` along the line of one entry. Here a statement is about all entries of
a map at once, the footprint, the channel weights or the picture; where the numeric room has code for it, that code is
read beside the two sides.
"""

from dataclasses import replace
from fractions import Fraction

from flint import fmpq

from verify import readings
from verify.batches import influence
from verify.errors import unknown
from verify.map_property import MapProperty, Sides, share, worst
from verify.probe import Kink
from verify.setting import Place, Setting, alpha, closed, picture, positive_part, printed, row_sum
from verify.tails import EXACTLY
from verify.textbook import allowed, textbook

# For statements that are not about it: outer functions and sizes of numbers are not varied.
ORDINARY = frozenset({"exp-head", "no-eps", "no-overflow", "no-underflow"})

# Two sides each


def _one_sided_slopes(setting: Setting, place: Place) -> Sides:
    """Return the slopes to the left and to the right: on a kink those of two exact chords before the next one."""
    try:
        g = setting.jet(place).g
    except Kink:
        tail = replace(setting.tail, entry=place)
        if not tail.piecewise_linear:
            raise
        step = min((distance for distance in tail.distances if distance), default=Fraction(2)) / 2
        here, left, right = (tail.score(EXACTLY.number(tail.point + side * step), EXACTLY) for side in (0, -1, 1))
        per = EXACTLY.number(step)
        return Sides(*(fmpq(int(slope.p), int(slope.q)) for slope in ((here - left) / per, (right - here) / per)))
    return Sides(g, g)


def _curvature(setting: Setting, place: Place) -> Sides:
    _, _, h, t = setting.jet(place)
    return worst([Sides(h, 0), Sides(t, 0)])


def _row_sums(setting: Setting, place: Place) -> Sides:
    return Sides(row_sum(setting, place), setting.jet(place).h)


def _closed(setting: Setting, place: Place) -> Sides:
    return Sides(alpha(setting, place), closed(setting, place))


def _printed(setting: Setting, place: Place) -> Sides:
    return Sides(alpha(setting, place), printed(setting, place))


def _footprints(setting: Setting, place: Place) -> Sides:
    cubes = [(setting.entry(other) * setting.jet(other).g ** 3) for other in setting.places if other[0] == place[0]]
    return Sides(sum(cubes, start=fmpq(0)), setting.sigma(place) * setting.jet(place).g ** 3)


def _without_relu(setting: Setting, _: Place) -> Sides:
    """Return the two weights of the channel in which they differ, or else of the first one."""
    both = []
    for channel in range(len(setting.A)):
        own = [(closed(setting, p), setting.jet(p).g) for p in setting.places if p[0] == channel]
        with_relu = sum((a * positive_part(g) for a, g in own), start=fmpq(0))
        both.append(Sides(with_relu, sum((a * g for a, g in own), start=fmpq(0))))
    return worst(both)


def _share(setting: Setting, place: Place) -> Sides:
    return Sides(alpha(setting, place), fmpq(1, 2))


def _pictures(setting: Setting, _: Place) -> Sides:
    """Return the pixel at which the two pictures differ, or else the first one."""
    by_closed, by_exact = picture(setting, closed), picture(setting, alpha)
    return worst([Sides(by_closed[pixel], by_exact[pixel]) for pixel in by_closed])


def _influence(setting: Setting, place: Place) -> Sides:
    return Sides(influence(setting, place), 0)


def _textbook(setting: Setting, place: Place) -> Sides:
    exact = closed(setting, place)
    return Sides(textbook(setting, place), exact, allowed(setting, place, exact))


MAP_PROPERTIES: tuple[MapProperty, ...] = (
    MapProperty(
        "one-slope-everywhere",
        "At every entry the score has one slope, and S, g, h and t are what the numeric room computes.",
        r"\lim_{u \uparrow A_p} \frac{\Delta S}{\Delta u} = \lim_{u \downarrow A_p} \frac{\Delta S}{\Delta u}",
        ("interior",),
        _one_sided_slopes,
        also=ORDINARY,
        read=readings.derivatives,
    ),
    MapProperty(
        "rows-are-diagonal",
        "What a second backward pass gives, the row sums of the Hessian, are the pure second derivatives.",
        r"\sum_q \frac{\partial^2 S}{\partial A_p \partial A_q} = \frac{\partial^2 S}{\partial A_p^2}",
        ("interior", "pixels-separable"),
        _row_sums,
        also=ORDINARY,
    ),
    MapProperty(
        "no-curvature-anywhere",
        "Along every entry's line the second and the third derivative of the score are 0.",
        r"\frac{\partial^2 S}{\partial A_p^2} = \frac{\partial^3 S}{\partial A_p^3} = 0",
        ("interior", "piecewise-linear", "no-products"),
        _curvature,
        also=ORDINARY,
    ),
    MapProperty(
        "closed-map",
        "At every entry the closed form for the outer function at hand is alpha by its definition (10).",
        r"\alpha_p = \frac{1}{2 + \sigma \rho g_p}, \quad \rho = \frac{f'''(S)}{f''(S)}",
        ("interior", "affine-along-line", "scalar-head", "outer-curved", "slope-nonzero", "no-pole"),
        _closed,
        read=readings.both_alphas,
    ),
    MapProperty(
        "printed-map",
        "At every entry equation (19) as printed is alpha by its definition (10).",
        r"\alpha_p = \frac{g_p^2}{2 g_p^2 + \sigma g_p^3}",
        ("interior", "affine-along-line", "exp-head", "slope-nonzero", "no-pole"),
        _printed,
        read=readings.printed_alphas,
    ),
    MapProperty(
        "footprint-outside",
        "In the denominator it is the same whether the cubes of the gradients stand inside the sum or before it.",
        r"\sum_{ab} A_{ab} g_{ab}^3 = \Bigl(\sum_{ab} A_{ab}\Bigr) g_p^3",
        ("interior", "constant-in-space"),
        _footprints,
        also=ORDINARY,
    ),
    MapProperty(
        "weights-without-relu",
        "The weight of every channel is the same without the relu around the gradients.",
        r"\sum_{ij} \alpha_{ij} \max(0, g_{ij}) = \sum_{ij} \alpha_{ij} g_{ij}",
        ("interior", "gradients-nonnegative", "outer-curved", "no-pole"),
        _without_relu,
        everywhere=False,
        read=readings.channel_weights,
    ),
    MapProperty(
        "alpha-is-a-share",
        "At every entry alpha is above 0 and at most 1/2.",
        r"0 < \alpha_p \leq \frac{1}{2}",
        ("interior", "affine-along-line", "exp-head", "rectified", "gradients-nonnegative", "slope-nonzero"),
        _share,
        compare=share,
        sign="is not above 0 and at most",
    ),
    MapProperty(
        "one-channel-one-picture",
        "The normalised heatmaps with closed and with exact weights are the same picture.",
        r"\frac{\max(0, w A)}{\max_{ij} \max(0, w A_{ij})} \text{ for both } w",
        ("interior", "one-channel", "weights-positive"),
        _pictures,
        everywhere=False,
        read=readings.maps,
    ),
    MapProperty(
        "images-stand-alone",
        "The score of an image does not move with another image of its batch.",
        r"\frac{\partial S(A_1)}{\partial (A_2)_p} = 0",
        ("eval-mode",),
        _influence,
        read=readings.rows,
        also=frozenset({"batched"}),
    ),
    MapProperty(
        "textbook-in-float32",
        "The formula with exp(S), g^2 and g^3, coded as it stands, is in float32 off by what rounding explains.",
        r"\frac{e^S g^2}{2 e^S g^2 + \sum A \, e^S g^3 + \varepsilon} \approx \frac{1}{2 + \sigma \rho g}",
        ("interior", "exp-head", "slope-nonzero", "no-pole", "no-overflow", "no-underflow", "no-eps"),
        _textbook,
        read=readings.stable_alphas,
        also=frozenset({"affine-along-line"}),
    ),
)


def map_property(name: str) -> MapProperty:
    """Return the property of this name.

    Raises:
        UsageError: there is none.
    """
    known = {prop.name: prop for prop in MAP_PROPERTIES}
    if name not in known:
        raise unknown("property", name, known)
    return known[name]
