"""One case of a claim, built at random so that it meets every hypothesis, as far as building goes.

    S, L            functions of the register, or (every other time) whole networks on one feature map, piecewise linear
                    where a hypothesis wants them affine along the line; then x, sigma, c and g are those of the map
    f''(S(x)) = 0   an outer function whose inflection point is moved to S(x)
    a letter = ...  worked out at the point
    a sign, a pole  one letter or function is turned round, halved or shifted until every hypothesis holds

A network is now and then put on a kink, where no derivative exists: there a claim says nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from random import Random

from sympy import Derivative, Eq, Expr, Ge, Gt, Integer, Le, Lt, Rational, Symbol
from sympy.core.function import UndefinedFunction

from derivation.claim import Claim, Hypothesis, functions_in
from derivation.notation import L, S, beta, c, sigma, x
from derivation.nth import NthDerivative
from verify.altered import altered, moved
from verify.arithmetic.exact import EXACT
from verify.cases import FUNCTIONS, NUMBERS, Case, exact_values, free_symbols, meets
from verify.catalogue.functions import SIGMOID, TANH, Face, polynomial
from verify.catalogue.units import UNITS
from verify.layers import Map, cells
from verify.probe import NoRule, value
from verify.tails import TailFace, WholeTail
from verify.whole_blocks import Entry, build, maps
from verify.whole_readout import with_slope

NETWORKS = Fraction(1, 2)  # the share of the draws in which tails are networks, where they may be
ON_KINK = Fraction(1, 16)  # the share of the networks that are on a kink
LINEAR_UNITS = tuple(unit for unit in UNITS if unit.piecewise_linear)
# Outer functions with an inflection point at 0, where the third derivative is not 0.
INFLECTED = (SIGMOID, TANH, polynomial("u^3/2 + u", (0, 1, 0, Rational(1, 2))), polynomial("u - u^3", (0, 1, 0, -1)))


@dataclass(frozen=True)
class Drawing:
    """How cases of a claim are built; what depends on the claim alone is worked out once."""

    claim: Claim

    @cached_property
    def letters(self) -> tuple[Symbol, ...]:
        """The letters that need a number."""
        return tuple(sorted(free_symbols(self.claim), key=str))

    @cached_property
    def functions(self) -> tuple[UndefinedFunction, ...]:
        """The undefined functions."""
        return tuple(sorted(self.claim.functions, key=str))

    @cached_property
    def fixed(self) -> dict[Symbol, Expr]:
        """What hypotheses make of letters at the point."""
        at_point = [h.relation for h in self.claim.given if h.at_point]
        return {relation.lhs: relation.rhs for relation in at_point if isinstance(relation.lhs, Symbol)}

    @cached_property
    def along(self) -> dict[UndefinedFunction, tuple[Hypothesis, ...]]:
        """The equations along the line, or for every argument, by the function that they are about."""
        equations = [h for h in self.claim.given if _is_along(h)]
        return {
            function: tuple(h for h in equations if function in functions_in(h.relation)) for function in self.functions
        }

    @cached_property
    def networks(self) -> tuple[UndefinedFunction, ...]:
        """The functions that may be networks: tails that need not be curved in a way of their own."""
        return tuple(
            function
            for function in self.functions
            if function in (S, L)
            and x in self.letters
            and all(_says_affine(h) or _slope_in(h) is not None for h in self.along[function])
        )

    @cached_property
    def inflected(self) -> bool:
        """Whether the outer function has its second derivative 0 at the point."""
        relations = [h.relation for h in self.claim.given if h.at_point]
        return any(isinstance(r.lhs, NthDerivative) and r.lhs.args[0] == 2 and r.rhs == 0 for r in relations)

    @cached_property
    def signs(self) -> dict[Symbol, int]:
        """The signs that hypotheses ask of letters."""
        signs = {Gt: 1, Ge: 1, Lt: -1, Le: -1}
        relations = [h.relation for h in self.claim.given if h.relation.func in signs]
        return {relation.lhs: signs[relation.func] for relation in relations if relation.lhs.is_Symbol}

    def draw(self, random: Random) -> Case | None:
        """Build one case; None where one of its numbers is none of its kind, or a hypothesis cannot be met."""
        numbers = {letter: number(letter, self.signs.get(letter, 0), random) for letter in self.letters}
        as_networks = self.networks and random.random() < NETWORKS
        tails = self._tails(numbers, random) if as_networks else {}
        functions = tuple(
            (f, tails[f].face() if f in tails else self._face(f, numbers, random)) for f in self.functions
        )
        case = self._fixed(Case(functions, tuple(numbers.items())))
        if case is None or is_on_kink(case):
            return case
        if self.inflected and (case := self._flattened(case, random)) is None:
            return None
        return next((built for built in self._attempts(case, bool(tails)) if self.admits(built)), None)

    def admits(self, case: Case) -> bool:
        """Whether a case is known to meet every hypothesis."""
        return all(self.meets(case, h) for h in self.claim.given)

    def meets(self, case: Case, hypothesis: Hypothesis) -> bool | None:
        """Whether a hypothesis holds; a network is asked near its point alone, where it is piecewise linear."""
        functions = dict(case.functions)
        if _is_along(hypothesis):
            tails = [functions[f] for f in functions_in(hypothesis.relation)]
            networks = [face.tail for face in tails if isinstance(face, TailFace)]
            if networks:
                return all(_holds_near(tail, hypothesis, dict(case.numbers)) for tail in networks)
        return meets(_near(case), hypothesis)

    def _tails(self, numbers: dict[Symbol, Rational], random: Random) -> dict[UndefinedFunction, WholeTail]:
        """Draw a network for each tail, all on one map, and put the numbers of the map for their letters."""
        A, entry = _lifted(*maps(random.choice, self.signs.get(sigma, 0) >= 0 and random.random() < 0.5))
        tails: dict[UndefinedFunction, WholeTail] = {}
        for function in self.networks:
            tail = _network(A, entry, bool(self.along[function]), random)
            for slope in filter(None, map(_slope_in, self.along[function])):
                if slope in numbers and not tails:
                    numbers[slope] = _rational(tail.near.slope)
                tail = with_slope(tail, _fraction(numbers.get(slope, slope))) or tail
            tails[function] = tail
        here = next(iter(tails.values()))
        own = {x: here.point, sigma: here.footprint, c: here.footprint - here.point}
        numbers |= {letter: _rational(q) for letter, q in own.items() if letter in numbers}
        for letter, same in self.fixed.items():  # a hypothesis such as sigma = N, read from right to left
            if letter in own and same in numbers and (own[letter] > 0 or not same.is_positive):
                numbers[same] = numbers[letter]
        return tails

    def _face(self, function: UndefinedFunction, numbers: dict[Symbol, Rational], random: Random) -> Face:
        """Return a function of the register that the equations about it allow, if there is one."""
        about = self.along[function]
        slopes = [numbers[h.relation.rhs] for h in about if h.relation.rhs in numbers]
        faces = (*FUNCTIONS[function], *(polynomial(f"{slope} u", (0, slope)) for slope in slopes if slope))
        alone = [Case(((function, face),), tuple(numbers.items())) for face in faces] if about else []
        fitting = [case.functions[0][1] for case in alone if all(meets(case, h) is not False for h in about)]
        return random.choice(fitting or faces)

    def _fixed(self, case: Case) -> Case | None:
        """Return the case with the letters that are given at the point worked out; None if one is none of its kind."""
        numbers = dict(case.numbers)
        for letter, e in self.fixed.items():
            try:
                found = value(e, exact_values(Case(case.functions, tuple(numbers.items()))), EXACT)
            except NoRule:
                return None
            if not found.is_Rational or Rational(float(found)) != found or (letter.is_positive and not found > 0):
                return None
            numbers[letter] = found
        return Case(case.functions, tuple(numbers.items()))

    def _flattened(self, case: Case, random: Random) -> Case | None:
        """Return the case with an outer function whose inflection point is S(x)."""
        at = value(S(x), exact_values(_near(case)), EXACT)
        if not at.is_Rational or Rational(float(at)) != at:
            return None
        head = moved(random.choice(INFLECTED), at)
        others = {function: face for function, face in case.functions if function.__name__ != "f"}
        return Case(tuple((f, others.get(f, head)) for f in self.functions), case.numbers)

    def _attempts(self, case: Case, tied: bool) -> Iterator[Case]:
        """Yield the case, and where an inequality does not hold, the case with one thing altered that it speaks of."""
        yield case
        inequalities = [h for h in self.claim.given if not isinstance(h.relation, Eq)]
        broken = next((h for h in inequalities if not self.meets(case, h)), None)
        if broken is None:
            return
        spoken, symbols = functions_in(broken.relation), broken.relation.free_symbols - self.fixed.keys() - {beta}
        if tied:
            symbols -= {x, sigma, c}
        heads = [f for f in self.functions if f in spoken and f not in self.networks and not self.along[f]]
        changed = altered(
            case,
            letters=[letter for letter in self.letters if letter in symbols],
            kept=[letter for letter in symbols if letter in self.signs or letter.is_nonnegative],
            tails=[f for f in self.networks if f in spoken and all(map(_says_affine, self.along[f]))],
            heads=[] if self.inflected else heads,
        )
        yield from (one for one in changed if self.meets(one, broken))


def number(letter: Symbol, wanted: int, random: Random) -> Rational:
    """Return a number that the letter stands for: a sharpness of the register, a small order, a multiple of 1/4.

    Args:
        letter: the letter.
        wanted: 1 or -1 for that sign alone, 0 for any.
        random: where it comes from.
    """
    if letter == beta:
        return random.choice(NUMBERS[letter])
    if letter.is_integer:
        return Integer(random.randint(0 if letter.is_nonnegative else -3, 4))
    if letter.is_positive or wanted:
        return (wanted or 1) * Rational(random.randint(1, 16), 4)
    return Rational(random.randint(-16, 16), 4)


def networks_of(case: Case) -> list[WholeTail]:
    """Return the whole networks in a case."""
    return [face.tail for _, face in case.functions if isinstance(face, TailFace)]


def is_on_kink(case: Case) -> bool:
    """Whether a network was put on a kink."""
    return any(tail.nearest_kink == 0 for tail in networks_of(case))


def _network(A: Map, entry: Entry, linear: bool, random: Random) -> WholeTail:
    """Return a network on a map, piecewise linear or of any units."""
    on_kink = random.random() < ON_KINK
    units = LINEAR_UNITS if linear or on_kink else UNITS
    return build(random.choice, units, with_gates=not linear, on_kink=on_kink, given=(A, entry))


def _lifted(A: Map, entry: Entry) -> tuple[Map, Entry]:
    """Return the map with its entry larger by 1 if its channel adds up to 0."""
    k, i, j = entry
    if sum(cells((A[k],)), Fraction(0)):
        return A, entry
    row = tuple(a + (column == j) for column, a in enumerate(A[k][i]))
    channel = (*A[k][:i], row, *A[k][i + 1 :])
    return (*A[:k], channel, *A[k + 1 :]), entry


def _is_along(hypothesis: Hypothesis) -> bool:
    return isinstance(hypothesis.relation, Eq) and not hypothesis.at_point


def _says_affine(hypothesis: Hypothesis) -> bool:
    lhs, rhs = hypothesis.relation.args
    return isinstance(lhs, Derivative) and lhs.variable_count == ((x, 2),) and rhs == 0


def _slope_in(hypothesis: Hypothesis) -> Expr | None:
    """Return the number or letter that a hypothesis says is the slope along the line."""
    lhs, rhs = hypothesis.relation.args
    is_slope = isinstance(lhs, Derivative) and lhs.variable_count == ((x, 1),)
    return rhs if is_slope and (rhs.is_Symbol or rhs.is_Rational) else None


def _holds_near(tail: WholeTail, hypothesis: Hypothesis, numbers: dict[Symbol, Expr]) -> bool:
    """Whether a network is affine near its point, with the slope that the hypothesis gives."""
    slope = _slope_in(hypothesis)
    affine = tail.piecewise_linear and tail.nearest_kink != 0
    return affine and (slope is None or _rational(tail.near.slope) == numbers.get(slope, slope))


def _near(case: Case) -> Case:
    """Return the case with what its networks are near their points: affine, or curved and not for exact arithmetic."""
    functions = tuple((f, _germ(face) if isinstance(face, TailFace) else face) for f, face in case.functions)
    return Case(functions, case.numbers)


def _germ(face: TailFace) -> Face:
    if not face.tail.piecewise_linear:
        return Face(face.text, _no_rule, face.torch, face.ball)
    at, near = _rational(face.tail.point), face.tail.near
    start, slope = _rational(near.value), _rational(near.slope)
    return Face(face.text, lambda u: start + slope * (u - at), face.torch, face.ball)


def _no_rule(_: Expr) -> Expr:
    raise NoRule("a curved network is left to the balls")


def _rational(number: Fraction) -> Rational:
    return Rational(number.numerator, number.denominator)


def _fraction(number: Rational) -> Fraction:
    return Fraction(int(number.p), int(number.q))
