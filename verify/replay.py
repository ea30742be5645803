"""Counterexamples as files: small, portable, each with a permanent name, and what it takes to try one again.

A file says which claim fails, which hypothesis is not met there (none, if the claim is refuted as it was printed),
which functions and numbers are put in, and what the two sides came to. Functions are those of the catalogue, by what
is written on them; numbers are rational, or rational functions of exponentials, written out. A counterexample to a
statement about whole maps has a setting in their place (`verify.map_replay`). Nothing is drawn and nothing is
remembered when one is tried again: the case is built from the file, and every method computes it anew.
"""

import importlib.metadata
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sympy import Expr, sympify
from sympy.printing.str import sstr

from derivation.claim import Claim, Hypothesis
from derivation.claims import LIBRARY
from verify.cases import FUNCTIONS, NUMBERS, Case, meets
from verify.catalogue.functions import Face
from verify.counterexample import counterexample
from verify.errors import CorruptFile, unknown
from verify.ledger import digest
from verify.matrix import FACES, Cell, Need, Violation, fails, without_value
from verify.methods import enclosure, exact
from verify.methods.autograd import in_float64
from verify.probe import NoRule

if TYPE_CHECKING:
    from verify.map_property import Broken

SCHEMA = "gradcampp-counterexample/1"
STORE = Path(__file__).with_name("counterexamples")
PRINTED = "as-printed"
LONG = 60  # a side that takes more letters is said by its enclosure, if there is one
VERSIONS = ("sympy", "python-flint")  # whose answers stand in a file
_NUMBER = re.compile(r"[-+*/() 0-9]|exp|E")


@dataclass(frozen=True)
class Stored:
    """A counterexample as its file says it.

    Args:
        slug: its permanent name, CLAIM/without-HYPOTHESIS or CLAIM/as-printed.
        claim, without: the claim, and the hypothesis that is not met, or "".
        statement: which statement that is about, as `verify.ledger.digest` says it.
        need: "false" or "no value".
        functions, numbers: what is put in, by name.
        lhs, rhs: the two sides, exactly; empty where that is unknown, or long beside an enclosure.
        balls: enclosures of the two sides; empty where there are none.
        why: what has no value.
        versions: of the packages that computed it.
        setting: what is put in where the statement is about whole maps (`verify.settings_json`); else empty.
    """

    slug: str
    claim: str
    without: str
    statement: str
    need: str
    functions: dict[str, str]
    numbers: dict[str, str]
    lhs: str
    rhs: str
    balls: tuple[str, ...]
    why: str
    versions: dict[str, str]
    setting: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Replayed:
    """What came of trying a counterexample again.

    Args:
        stored: what its file says.
        violation: what is found now; None where the claim does not fail there.
        methods: what each method says, by name.
        faults: what is otherwise than the file says; none if it reproduces.
    """

    stored: Stored
    violation: "Violation | Broken | None"
    methods: dict[str, str]
    faults: tuple[str, ...]


def of_cell(cell: Cell) -> Stored:
    """Return what a cell of the matrix found, ready to be written.

    Raises:
        ValueError: it found nothing.
    """
    if cell.violation is None:
        raise ValueError(f"{cell.slug} is {cell.need}: there is no counterexample to store")
    return _stored(cell.slug, LIBRARY[cell.claim], cell.hypothesis, cell.violation)


def of_refuted(claim: Claim) -> tuple[Stored, Violation] | None:
    """Return the counterexample to a claim as it was printed, ready to be written; None if none is found."""
    found = counterexample(claim)
    if found is None:
        return None
    violation = Violation(Need.FALSE, found.case, found.outcome)
    return _stored(f"{claim.name}/{PRINTED}", claim, "", violation), violation


def _stored(slug: str, claim: Claim, without: str, violation: Violation) -> Stored:
    case, sides = violation.case, _sides(claim, violation.case) if violation.need is Need.FALSE else {}
    lhs, rhs = sides.get("exact", ("", ""))
    if "enclosure" in sides and max(len(lhs), len(rhs)) > LONG:
        lhs = rhs = ""
    return Stored(
        slug=slug,
        claim=claim.name,
        without=without,
        statement=digest(claim),
        need=str(violation.need),
        functions={function.__name__: face.text for function, face in case.functions},
        numbers={str(letter): sstr(number) for letter, number in case.numbers},
        lhs=lhs,
        rhs=rhs,
        balls=sides.get("enclosure", ()),
        why=violation.why,
        versions={name: importlib.metadata.version(name) for name in VERSIONS},
    )


def _sides(claim: Claim, case: Case) -> dict[str, tuple[str, ...]]:
    """Return the two sides by each method that has a value for them and finds them to differ."""
    found: dict[str, tuple[str, ...]] = {}
    for method, judge in (("exact", exact.judge), ("enclosure", enclosure.judge)):
        try:
            outcome = judge(claim, case)
        except NoRule:
            continue
        if outcome.holds is False:
            found[method] = (outcome.lhs, outcome.rhs)
    return found


def write(stored: Stored, store: Path = STORE) -> Path:
    """Write a counterexample to its file, whole or not at all; return where."""
    from verify.report.files import write_whole

    path = path_of(stored.slug, store)
    parts = {name: getattr(stored, name) for name in Stored.__dataclass_fields__ if name != "setting" or stored.setting}
    document = {"schema": SCHEMA, **parts}
    write_whole(path, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())
    return path


def path_of(slug: str, store: Path) -> Path:
    """Return where the counterexample of this name is kept."""
    return store / f"{slug.replace('/', '.')}.json"


def slugs(store: Path = STORE) -> list[str]:
    """Return the names of all stored counterexamples."""
    return sorted(path.stem.replace(".", "/", 1) for path in store.glob("*.json"))


def read(slug: str, store: Path = STORE) -> Stored:
    """Read a counterexample.

    Raises:
        UsageError: none is called so; the message gives the nearest.
        CorruptFile: its file is none, of another schema, or speaks of another one.
    """
    path = path_of(slug, store)
    if "/" not in slug or not path.exists():
        raise unknown("counterexample", slug, slugs(store))
    try:
        document = json.loads(path.read_text("utf-8"))
        schema = document.pop("schema")
        stored = Stored(**{**document, "balls": tuple(document["balls"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorruptFile(f"{path.name} is no counterexample ({error}): restore it") from error
    if schema != SCHEMA or stored.slug != slug:
        raise CorruptFile(f"{path.name} is of schema {schema!r} and speaks of {stored.slug!r}: restore it")
    return stored


def case_of(stored: Stored) -> Case:
    """Build the case that a file describes.

    Raises:
        CorruptFile: it names a function, a letter or a number that is not known.
    """
    functions = {function.__name__: function for function in FUNCTIONS}
    letters = {str(letter): letter for letter in NUMBERS}
    return Case(
        tuple((_known(functions, name), _face(text)) for name, text in stored.functions.items()),
        tuple((_known(letters, name), _number(text)) for name, text in stored.numbers.items()),
    )


def _known(register: dict[str, Any], name: str) -> Any:
    if name not in register:
        raise CorruptFile(f"no letter is called {name!r} (known: {', '.join(register)})")
    return register[name]


def _face(text: str) -> Face:
    for face in _faces():
        if face.text == text:
            return face
    raise CorruptFile(f"no function of the catalogue is written {text!r}")


def _faces() -> Iterator[Face]:
    for register in (FUNCTIONS, FACES):
        for faces in register.values():
            yield from faces


def _number(text: str) -> Expr:
    if _NUMBER.sub("", text):
        raise CorruptFile(f"expected a number made of digits, exp and E, got {text!r}")
    return sympify(text, rational=True)


def dropped(claim: Claim, without: str) -> Hypothesis | None:
    """Return the hypothesis of this name, or None."""
    return next((h for h in claim.given if h.name == without), None)


def replay(stored: Stored) -> Replayed:
    """Try a counterexample again by every method, and compare with what its file says.

    Raises:
        CorruptFile: the file speaks of what is not known.
    """
    if stored.setting:
        from verify.map_replay import retried

        return retried(stored)
    if stored.claim not in LIBRARY:
        raise CorruptFile(f"{stored.slug}: no claim is called {stored.claim!r}")
    claim, case = LIBRARY[stored.claim], case_of(stored)
    hypothesis = dropped(claim, stored.without)
    if digest(claim) != stored.statement:
        return Replayed(stored, None, {}, ("the claim says something else now: look for a counterexample again",))
    faults = [*_unmet(claim, case, hypothesis)]
    if hypothesis is not None and meets(case, hypothesis) is not False:
        faults.append(f"«{hypothesis.name}» is not known to be violated")
    violation = fails(claim, hypothesis, case)
    if violation is None or str(violation.need) != stored.need:
        faults.append(f"expected {stored.need}, found {violation.need if violation else 'that the claim holds'}")
    elif violation.why != stored.why:
        faults.append(f"expected that {stored.why}, found that {violation.why}")
    sides = _sides(claim, case) if violation is not None and violation.need is Need.FALSE else {}
    faults += [*_moved(stored, sides)]
    methods = {method: " and ".join(pair) for method, pair in sides.items()}
    if violation is not None and violation.need is Need.NO_VALUE:
        methods["exact"] = violation.why
    else:
        methods["autograd"] = in_float64(claim, case)
    return Replayed(stored, violation, methods, tuple(faults))


def _unmet(claim: Claim, case: Case, dropped: Hypothesis | None) -> Iterator[str]:
    for h in claim.given:
        if h is not dropped and not meets(case, h) and without_value(h.relation, case) is None:
            yield f"«{h.name}» is not known to hold"


def _moved(stored: Stored, sides: dict[str, tuple[str, ...]]) -> Iterator[str]:
    from flint import arb

    if stored.lhs and sides.get("exact") != (stored.lhs, stored.rhs):
        yield f"expected exactly {stored.lhs} and {stored.rhs}, found {sides.get('exact', 'no exact value')}"
    pairs = list(zip(stored.balls, sides.get("enclosure", ()), strict=False))
    if len(pairs) != len(stored.balls) or not all(arb(before).overlaps(arb(now)) for before, now in pairs):
        yield f"expected values in {stored.balls}, found {sides.get('enclosure', 'no enclosure')}"
