"""Claims on a real network: x is the displacement of one entry of the target layer, S the network's own tail along that
line.

Every sampled entry is one case of a batch, so the probe, the oracles and the error analysis are those of the small
cases. A claim is judged at the entries that meet its hypotheses:

    S affine along the line    the tail has no smooth operation, and certainly no unit on a kink (`verify.kinks`)
    f is a given function      the network's outer function is that one
    e != 0                     |e| exceeds the error bound of its computation
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from sympy import Basic, Derivative, Eq, Expr, Ge, Gt, Integer, Le, Lt, Ne, Tuple, simplify
from sympy.core.relational import Relational

from derivation.claim import Claim, Hypothesis
from derivation.claims.weights import ALPHA, CLOSED
from derivation.hypotheses import AFFINE, Y, along
from derivation.notation import S, f, n, sigma, u, x
from derivation.nth import NthDerivative, nth
from verify.calibrate import Check, check, weights_beside_claims
from verify.cases import free_symbols
from verify.catalogue.functions import Face
from verify.catalogue.networks import Network
from verify.errors import UsageError
from verify.kinks import is_off_kinks
from verify.methods.autograd import ALGEBRA, Difference, difference, weigh
from verify.probe import NoRule, value
from verify.verdict import Evidence, Verdict

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cam.tail import Cut
    from verify.rounding import RunningError

ENTRIES = 512
FORWARD = 32  # forward mode costs several times what reverse mode does
CHUNK_NUMBERS = 1 << 20  # entries at once, times the numbers in A: tensors of 8 MiB, whose memory is used again
ORDERS = (1, 2, 3)
# By what a hypothesis is met if it exceeds the error bound.
SIZES = {Ne: abs, Gt: lambda side: side, Ge: lambda side: side, Lt: lambda side: -side, Le: lambda side: -side}


@dataclass(frozen=True)
class Scene:
    """A network that has seen its picture.

    Where it was cut, which class it names, and the derivatives of that score.
    """

    network: Network
    model: "nn.Module"
    picture: "Tensor"
    cut: "Cut"
    scores: "Tensor"
    tail_derivatives: "Tensor"
    entries: "Tensor"
    off_kinks: bool

    @property
    def target(self) -> int:
        """The class with the highest score."""
        return int(self.scores.argmax())


@dataclass
class Found:
    """What the entries of a network say of one claim."""

    differences: list[Difference] = field(default_factory=list)
    vacuous: int = 0


@dataclass
class Findings:
    """What a network says of every claim, of (10) against (19), of `cam.weights`, and of the oracles."""

    claims: dict[str, Found] = field(default_factory=lambda: defaultdict(Found))
    closed_form: Found = field(default_factory=Found)
    weights: dict[str, Found] = field(default_factory=lambda: defaultdict(Found))
    oracles: Found = field(default_factory=Found)


def look(network: Network, seed: int) -> Scene:
    """Run a network on its picture, cut it, and draw `ENTRIES` entries with a gradient (all, if there are fewer)."""
    import torch

    from cam import jets, tail

    model, picture = network.load()
    with torch.no_grad():
        scores = model(picture)[0]
    cut = tail.cut(model, network.layer, picture)
    cut.tail(cut.activations.expand(2, -1, -1, -1))  # the first batch makes it check itself: not to be watched later
    derivatives = jets.tail_derivatives(cut.tail, cut.activations, int(scores.argmax()))
    alive = derivatives[1].nonzero().flatten()
    if not len(alive):
        raise UsageError(f"on {network.title} the score does not depend on any entry of layer {network.layer}")
    drawn = torch.randperm(len(alive), generator=torch.Generator().manual_seed(seed))[:ENTRIES]
    entries = alive[drawn.sort().values]
    return Scene(network, model, picture, cut, scores, derivatives, entries, is_off_kinks(cut.tail, cut.activations))


def concerns(claim: Claim) -> bool:
    """Whether a claim speaks of a tail under an outer function, and of nothing that a network does not have."""
    named = claim.functions | {S, f}
    decided = all(h == AFFINE or _is_definition(h) or not isinstance(h.relation, Eq) for h in claim.given)
    return (
        decided
        and S in claim.functions
        and named == {S, f}
        and free_symbols(claim) <= {x, sigma, n}
        and bool(orders(claim))
    )


def orders(claim: Claim) -> tuple[int | None, ...]:
    """Return the values of n for which every derivative in a claim is among those that are computed; (None,) if no n
    occurs.
    """
    known = {each for k in ORDERS for each in (Derivative(S(x), (x, k)), along(k))}
    sides = Tuple(claim.lhs, claim.rhs, *(h.relation for h in claim.given if not isinstance(h.relation, Eq)))
    return tuple(
        order
        for order in (ORDERS if n in claim.symbols else (None,))
        for written in [sides if order is None else sides.subs(n, Integer(order))]
        if written.atoms(Derivative) <= known
        and all(outer.args[0] in ORDERS and outer.args[1] == S(x) for outer in written.atoms(NthDerivative))
    )


def judge(scene: Scene, claims: Iterable[Claim]) -> Findings:
    """Compare both sides of every claim at the sampled entries.

    All by reverse mode, at most `FORWARD` by forward mode too; there the oracles are also compared with each other.
    """
    from cam.jets import ORACLES
    from verify.rounding import RunningError

    findings = Findings()
    instances = [(claim, k) for claim in claims for k in orders(claim)]
    stride = -(-len(scene.entries) // FORWARD)
    shared = scene.entries[::stride]
    others = [entry for place, entry in enumerate(scene.entries.tolist()) if place % stride]
    for oracles, sample in ((tuple(ORACLES), shared), (("reverse",), scene.entries.new_tensor(others))):
        if not len(sample):
            continue
        mode = RunningError()
        batches = [Batch.of(scene, sample, oracle, mode) for oracle in oracles]
        with mode:
            for batch in batches:
                batch.tell(findings, instances)
            for batch in batches[1:]:
                findings.oracles.differences += [
                    batch.compare(each, batches[0].at[part]) for part, each in batch.at.items()
                ]
    return findings


def _differentiate(scene: Scene, entries: "Tensor", oracle: str) -> dict[Basic, "Tensor"]:
    """Differentiate S and Y along the entries' lines, each through the whole tail, and f at S; compute the footprint.

    Returns:
        Numbers and the bounds of their errors, shape (2, B) each.
    """
    import torch

    from cam.jets import along_entries, tower
    from cam.weights import footprint
    from verify.rounding import RunningError

    A, tail, head = scene.cut.activations, scene.cut.tail, scene.network.head.torch
    line = along_entries(lambda moved: tail(moved)[:, scene.target], A, entries)
    zeros = A.new_zeros(len(entries))
    with RunningError() as mode:
        score = tower(line, zeros, max(ORDERS), oracle)
        output = tower(lambda t: head(line(t)), zeros, max(ORDERS), oracle)
        outer = tower(head, score[0], max(ORDERS), oracle)
        found: dict[Basic, Tensor] = {sigma: footprint(A).expand_as(A).flatten()[entries], S(x): score[0], Y: output[0]}
        for order in ORDERS:
            found[Derivative(S(x), (x, order))] = score[order]
            found[along(order)] = output[order]
            found[nth(f)(order, S(x))] = outer[order]
    return {part: torch.stack((each, mode.error(each))) for part, each in found.items()}


@dataclass(frozen=True)
class Batch:
    """Some entries of a network under one oracle, watched by an error analysis: what every expression is worth there.

    Args:
        scene: the network.
        at: the derivatives of S and of Y = f(S) along the entries' lines, those of f at S, and the footprint; shape
            (B,) each.
        mode: the analysis that knows their errors and watches what is computed with them.
    """

    scene: Scene
    at: dict[Basic, "Tensor"]
    mode: "RunningError"

    @classmethod
    def of(cls, scene: Scene, entries: "Tensor", oracle: str, mode: "RunningError") -> "Batch":
        """Differentiate along the entries' lines, some at a time, and tell `mode` the errors; call it outside."""
        import torch

        chunk = max(1, CHUNK_NUMBERS // scene.cut.activations.numel())
        parts = [_differentiate(scene, some, oracle) for some in entries.split(chunk)]
        at: dict[Basic, Tensor] = {}
        for part in parts[0]:
            at[part], errors = torch.cat([each[part] for each in parts], dim=1).unbind()
            mode.assume(at[part], errors)
        return cls(scene, at, mode)

    @property
    def size(self) -> int:
        """How many entries."""
        return len(self.at[sigma])

    def tell(self, findings: Findings, instances: Iterable[tuple[Claim, int | None]]) -> None:
        """Add what these entries say to the findings."""
        for claim, order in instances:
            self.add(findings.claims[claim.name], claim, order)
        findings.closed_form.differences.append(self.difference(ALPHA, CLOSED))
        for way, each in weights_beside_claims(self).items():
            findings.weights[way].differences.append(each)

    def add(self, found: Found, claim: Claim, order: int | None) -> None:
        """Judge one claim (at one order n) at every entry that meets its hypotheses; count the others as vacuous."""
        met = self.met(claim.given, order)
        kept = int(met.sum())
        found.vacuous += self.size - kept
        if kept:
            sides = self.worth(claim.lhs, order), self.worth(claim.rhs, order)
            both = self.compare(*sides, claim.relation)
            found.differences.append(Difference(both.residual[met], both.bound[met]))

    def difference(self, lhs: Basic, rhs: Basic, order: int | None = None) -> Difference:
        """Compare two expressions at every entry."""
        return self.compare(self.worth(lhs, order), self.worth(rhs, order))

    def compare(self, lhs: Any, rhs: Any, relation: type[Relational] = Eq) -> Difference:
        """Compare two computed sides at every entry."""
        return difference(lhs, rhs, self.mode, self.size, relation)

    def met(self, given: Sequence[Hypothesis], order: int | None) -> "Tensor":
        """Return at which entries every hypothesis is known to hold; shape (B,), bool.

        Raises:
            NoRule: a hypothesis of another kind.
        """
        import torch

        from verify.rounding import unwatched

        met = torch.ones(self.size, dtype=torch.bool)
        for hypothesis in given:
            relation = hypothesis.relation
            if hypothesis == AFFINE:
                met &= self.scene.off_kinks and not self.scene.cut.tail.smooth_operations
            elif _is_definition(hypothesis):
                met &= _is_function(self.scene.network.head, relation.rhs)
            elif not isinstance(relation, Eq):
                side = self.worth(relation.lhs - relation.rhs, order)
                with unwatched():
                    size = SIZES[relation.func](side)
                    met &= size > self.mode.error(side)
            else:
                raise NoRule(f"no rule to decide the hypothesis {hypothesis.name} on a network")
        return met

    def worth(self, expr: Basic, order: int | None = None) -> "Tensor":
        """Return what an expression in the known derivatives is worth at every entry, shape (B,).

        Raises:
            NoRule: it holds a derivative of another order.
        """
        return value(expr if order is None else expr.subs(n, Integer(order)), self.at, ALGEBRA)


def evidence_of(scene: Scene, found: dict[str, Found]) -> dict[str, Evidence]:
    """Weigh what was found, claim by claim; a claim whose hypotheses no entry meets has none."""
    case = f"{scene.network.title}: {len(scene.entries)} entries of {scene.network.layer}, some also by forward mode"
    return {
        name: weigh(joined(each), case, each.vacuous, "network") for name, each in found.items() if each.differences
    }


def checks_of(scene: Scene, findings: Findings) -> list[Check]:
    """Return whether the oracles agree with each other, and `cam.weights` with the claims."""
    both = check("nested forward mode against reverse mode", scene.network.title, joined(findings.oracles))
    return [both, *(check(way, scene.network.title, joined(found)) for way, found in findings.weights.items())]


def record(scene: Scene, findings: Findings) -> dict[str, Any]:
    """Return what the ledger keeps of a network: how wrong the closed form is on its sample, and both maps."""
    import torch

    network, S = scene.network, scene.scores[scene.target]
    apart = joined(findings.closed_form)
    evidence = weigh(apart, network.title, 0)
    errors, bounds = apart.decided()
    worst = int(errors.argmax())
    maps = {weights: _map(scene, weights) for weights in ("closed", "exact")}
    return {
        "name": network.name,
        "title": network.title,
        "image": network.image,
        "digit": network.digit,
        "layer": network.layer,
        "head": network.head_name,
        "class": {
            "index": scene.target,
            "label": network.label(scene.target),
            "score": float(S),
            "probability": float(torch.softmax(scene.scores, 0)[scene.target]),
        },
        "shape": list(scene.cut.activations.shape[1:]),
        "entries": len(scene.entries),
        "nonzero": int(scene.tail_derivatives[1].count_nonzero()),
        "smooth_operations": list(scene.cut.tail.smooth_operations),
        "alpha_error": {"max": float(errors[worst]), "median": float(errors.median()), "bound": float(bounds[worst])},
        "holds": evidence.verdict is Verdict.SUPPORTED,
        "map": {weights: rows.tolist() for weights, rows in maps.items()},
        # A map that is zero everywhere has no maximum to be measured by.
        "map_difference": float((maps["closed"] - maps["exact"]).abs().max())
        if all(map(torch.any, maps.values()))
        else None,
    }


def _map(scene: Scene, weights: str) -> "Tensor":
    """Return the raw map divided by its own maximum, or zeros: "closed" is (19) as it is used, whatever the head is."""
    from cam.heads import head
    from cam.maps import explained

    outer = head("exp" if weights == "closed" else scene.network.head_name)
    raw = explained(scene.cut, scene.target, outer, weights).map
    top = raw.max()
    return raw / top if top > 0 else raw


def joined(found: Found) -> Difference:
    """Put the batches of one claim together."""
    import torch

    return Difference(
        torch.cat([each.residual for each in found.differences]), torch.cat([each.bound for each in found.differences])
    )


def _is_definition(hypothesis: Hypothesis) -> bool:
    return isinstance(hypothesis.relation, Eq) and hypothesis.relation.lhs == f(u) and not hypothesis.at_point


@cache
def _is_function(head: Face, expr: Expr) -> bool:
    return simplify(head.exact(u) - expr) == 0
