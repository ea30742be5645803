"""What there is to say about one claim, as a page of a textbook says it: statement, reasons, or what is wrong with it.

Nothing is remembered: the proof is carried out and the counterexample looked for when the page is asked for. The page
is made of blocks (`Explanation`), which `verify.typeset` writes for a terminal, in LaTeX or in Markdown.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sympy import Add, Basic, Eq, Integer, Symbol, sympify
from sympy.core.function import AppliedUndef, UndefinedFunction

from derivation.claim import Claim, Hypothesis, Use
from derivation.claims import LIBRARY
from derivation.decide import active_pieces, at_point, normal, telling
from derivation.limit import take_limits
from derivation.notation import NOTATION
from derivation.printing import OPPOSITES, SIGNS, line
from derivation.proof import Link, Proof
from verify import counterexample as counter
from verify.cases import Case
from verify.matrix import Need, Violation
from verify.methods.enclosure import enclosure
from verify.methods.exact import exact
from verify.methods.symbolic import symbolic
from verify.methods.trial import Outcome
from verify.replay import PRINTED, Replayed, dropped
from verify.report.words import QUOTED, counted, source_words
from verify.typeset import Block, Display, Explanation, Items, Piece, Ref, Section, Sentence
from verify.verdict import Evidence, Verdict, combine, stands


def explain(claim: Claim, library: Mapping[str, Claim]) -> Explanation:
    """Prove and try to refute a claim, and lay out what came of it.

    Args:
        claim: what to explain.
        library: the claims that its proof may appeal to, and among which its corrections are looked for.

    Raises:
        Contradiction: it was proved and refuted.
    """
    evidence, proof = symbolic(claim, library)
    found = None if proof.holds else counter.counterexample(claim)
    checks = [] if found else [enclosure(claim), *([] if proof.holds else [exact(claim)])]
    verdict = Verdict.REFUTED if found else combine(claim.name, [evidence, *checks])
    used = _standing_of_used(claim, library)
    sections = [_statement(claim), *_rests_on(claim, library, used)]
    if found:
        sections += [_counterexample(claim, found, proof), _instead(claim, library, found)]
    else:
        sections += [_proof(claim, proof), _checked(checks)]
    shaky = verdict is Verdict.PROVED and not all(used.values())
    standing = f"{verdict}, but rests on what does not stand" if shaky else str(verdict)
    return Explanation(claim.name, verdict, standing, tuple(section for section in sections if section.blocks))


def _standing_of_used(claim: Claim, library: Mapping[str, Claim]) -> dict[str, bool]:
    """Prove whatever the proof rests on, all the way down; say for each claim it names whether that stands."""
    reached: dict[str, Claim] = {}
    open_ones = list(claim.uses)
    while open_ones:
        name = open_ones.pop()
        if name in library and name not in reached:
            reached[name] = library[name]
            open_ones += library[name].uses
    uses = {name: tuple(used for used in each.uses if used in reached) for name, each in reached.items()}
    verdicts = {name: symbolic(each, library)[0].verdict for name, each in reached.items()}
    if claim.name in reached:  # its own proof says that it goes round in a circle
        return dict.fromkeys(claim.uses, False)
    return {name: name in reached and stands(name, verdicts, uses) for name in claim.uses}


def _statement(claim: Claim) -> Section:
    blocks: list[Block] = [(claim.says,), _statement_of(claim)]
    if claim.given:
        blocks += [("provided that",), Items(tuple((f"{h.says}: ", h.relation) for h in claim.given))]
    letters = tuple(_letters(claim))
    blocks += [("Here",), Items(letters)] if letters else []
    source = claim.source
    printed: Sentence = (f"Source: {source_words({'work': source.work, 'where': source.where})}",)
    told = f"“{source.words}”" if source.work in QUOTED else f"in our words: {source.words}"
    printed += (f", {told}",) if source.words else ()
    printed += (f"; read so: {source.reading}",) if source.reading else ()
    return Section("Statement", (*blocks, (*printed, ".")))


def _statement_of(claim: Claim) -> Display:
    return Display((claim.lhs, claim.rhs), claim.relation)


def _letters(claim: Claim) -> Iterator[Sentence]:
    sides = [claim.lhs, claim.rhs, *(h.relation for h in claim.given)]
    symbols = set().union(*(side.atoms(Symbol) for side in sides))
    for entry in NOTATION:
        letter = entry.letter
        if letter in symbols or (isinstance(letter, AppliedUndef) and letter.func in claim.functions):
            yield letter, f" is the {entry.meaning} ({entry.domain})"


def _rests_on(claim: Claim, library: Mapping[str, Claim], used: Mapping[str, bool]) -> Iterator[Section]:
    blocks: list[Block] = []
    for name, holds in used.items():
        if name in library:
            note = "" if holds else " It does not stand: the proof below rests on nothing there."
            blocks += [(Ref(name), f": {library[name].says}{note}"), _statement_of(library[name])]
    yield Section("What it uses", tuple(blocks))


def _proof(claim: Claim, proof: Proof) -> Section:
    if proof.reason:
        return Section(
            "No proof", ((f"The proof is not well formed and stops before its first step: {proof.reason}.",),)
        )
    blocks: list[Block] = [(_plan(claim),)] if _plan(claim) else []
    for place, link in enumerate(proof.links):
        blocks += _link(claim, link, place, len(proof.links))
        if link.decided is not True:
            blocks += _stop(link, place, len(proof.links))
            break
    else:
        blocks.append(("This proves the claim. ∎",))
    return Section("Proof" if proof.holds else "Attempted proof", tuple(blocks))


def _plan(claim: Claim) -> str:
    if claim.branches:
        return f"By distinction of {len(claim.branches)} cases, which leave nothing out."
    return f"By induction on {claim.induction}, from 0." if claim.induction is not None else ""


def _link(claim: Claim, link: Link, place: int, total: int) -> Iterator[Block]:
    given, uses = claim.given, claim.steps[place].by if place < len(claim.steps) else ()
    if claim.branches:
        branch = claim.branches[place]
        given += branch.given
        yield (f"Case {place + 1}, {branch.says}: ", *_listed([(h.relation,) for h in branch.given]), ".")
    elif claim.induction is not None:
        letter = claim.induction
        start = f"Start: for {letter} = 0 both sides have to be the same."
        step = f"Step: assume it for {letter}. One more derivative of the right side has to be that for {letter} + 1."
        yield (step if place else start,)
    else:
        label = f"Step {place + 1}. " if total > 1 else ""
        yield (f"{label}{_capital(link.says)}", *((", by ", *_appeals(uses)) if uses else ()), ":")
    if link.relation is Eq:
        yield Display((link.before, link.after) if claim.steps else _worked_out(link, given))
    else:
        yield Display((link.before, link.after), link.relation)
        less = telling(link.relation, Add(link.before, -link.after, evaluate=False), given)
        if (less, Integer(0)) != (link.before, link.after):
            yield ("where the left side less the right one is",)
            yield Display((less, Integer(0)), link.relation)


def _capital(says: str) -> str:
    """Begin a sentence, but not with a letter of mathematics: n = 2 stays as it is."""
    return says[:1].upper() + says[1:] if says[:2].isalpha() else says


def _worked_out(link: Link, given: tuple[Hypothesis, ...]) -> tuple[Basic, ...]:
    """Return the two sides of a link, between them what the left becomes by carrying out its derivatives and limits."""
    if link.decided is not True:
        return link.before, link.after
    opened = link.before.xreplace(active_pieces(given))
    middle = at_point(take_limits(opened), given)
    between = () if middle == normal(take_limits(link.after), ()) else (middle,)
    return tuple(dict.fromkeys((link.before, opened, *between, link.after)))


def _appeals(uses: tuple[Use, ...]) -> Iterator[Piece]:
    for place, use in enumerate(uses):
        yield " and " if place else ""
        yield Ref(use.claim)
        if use.at:
            yield " with "
            yield from _listed([(_letter(new), " for ", _letter(old)) for old, new in use.at])


def _letter(expr: object) -> Piece:
    return expr.__name__ if isinstance(expr, UndefinedFunction) else sympify(expr)


def _listed(sentences: Sequence[Sentence]) -> Iterator[Piece]:
    for place, sentence in enumerate(sentences):
        yield "" if place == 0 else " and " if place == len(sentences) - 1 else ", "
        yield from sentence


def _stop(link: Link, place: int, total: int) -> Iterator[Block]:
    where = f"The proof stops at step {place + 1} of {total}, «{link.says}»"
    if link.difference is None:
        yield (f"{where}: it was not decided.",)
    else:
        shown = "zero" if link.relation is Eq else f"{SIGNS[link.relation.rel_op]} 0"
        yield (f"{where}: the two sides differ by what could not be shown to be {shown},",)
        yield Display((link.difference,))


def _counterexample(claim: Claim, found: counter.Counterexample, proof: Proof) -> Section:
    case, outcome = found.case, found.outcome
    put = _listed([(chosen,) for chosen in counter.chosen(case)])
    blocks: list[Block] = [("The claim is false. Take ", *put, ".")]
    if claim.given:
        items = [_met(h, case) for h in claim.given]
        blocks += [("The hypotheses hold there:",), Items(tuple(items))]
    chains = counter.parts(claim, case)
    blocks += [("Put in:",), *map(Display, chains)] if chains else []
    ends = []
    for words, side, said in (("left", claim.lhs, outcome.lhs), ("right", claim.rhs, outcome.rhs)):
        put_in, final = counter.put_in(side, case), counter.worth(side, case)
        ends.append(said if final is None else line(final))
        if found.method == "exact" and put_in is not None and final is not None:
            blocks += [(f"Hence the {words} side:",), Display(tuple(dict.fromkeys((side, put_in, final))))]
        else:
            blocks.append((f"Hence the {words} side lies in the ball {said}.",))
    differ = "The sides differ" if claim.relation is Eq else "So the claim fails"
    blocks.append((f"{differ}: {ends[0]} {OPPOSITES[claim.relation.rel_op]} {ends[1]}.",))
    excess = next((link.difference for link in proof.links if link.difference is not None), None)
    if len(proof.links) == 1 and excess not in (None, claim.lhs - claim.rhs) and not excess.is_number:
        blocks += [("In general the left side exceeds the right one by",), Display((excess,))]
    return Section("Counterexample", tuple(blocks))


def at_counterexample(replayed: Replayed) -> Explanation:
    """Lay out a stored counterexample that was tried again, and what each method says of it.

    Raises:
        ValueError: the claim does not fail there.
    """
    claim, violation = LIBRARY[replayed.stored.claim], replayed.violation
    if not isinstance(violation, Violation):
        raise ValueError(f"{replayed.stored.slug} does not fail: there is nothing to lay out")
    hypothesis = dropped(claim, replayed.stored.without)
    said = Items(tuple((f"{method}: {says}",) for method, says in replayed.methods.items()))
    checks = Section("By every method", (said,))
    page = as_printed(claim, violation) if hypothesis is None else without(claim, hypothesis, violation)
    return replace(page, sections=(*page.sections, checks))


def as_printed(claim: Claim, violation: Violation) -> Explanation:
    """Lay out why a claim is false as it was printed: a case, worked out."""
    found = counter.Counterexample(_method(violation.outcome), violation.case, violation.outcome)
    sections = (_statement(claim), _counterexample(claim, found, Proof(claim.name, ())))
    return Explanation(f"{claim.name}/{PRINTED}", Verdict.REFUTED, str(violation.need), sections)


def without(claim: Claim, hypothesis: Hypothesis, violation: Violation) -> Explanation:
    """Lay out why a claim needs one of its hypotheses: a case that violates it alone, worked out."""
    weaker = replace(claim, given=tuple(h for h in claim.given if h is not hypothesis))
    case = violation.case
    dropped: Sentence = (f"Without «{hypothesis.name}», that is to say «{hypothesis.says}»: ", hypothesis.relation, ".")
    if violation.need is Need.FALSE:
        found = counter.Counterexample(_method(violation.outcome), case, violation.outcome)
        section = _counterexample(weaker, found, Proof(claim.name, ()))
    else:
        put = _listed([(chosen,) for chosen in counter.chosen(case)])
        blocks: list[Block] = [("Take ", *put, ".")]
        if weaker.given:
            blocks += [("The other hypotheses are not violated there:",)]
            blocks += [Items(tuple(_met(h, case) for h in weaker.given))]
        chains = counter.parts(weaker, case)
        blocks += [("Put in:",), *map(Display, chains)] if chains else []
        section = Section("No value", (*blocks, (f"So {violation.why}, and there is nothing to be claimed.",)))
    shown = Section(section.title, (dropped, *section.blocks))
    name = f"{claim.name}/without-{hypothesis.name}"
    return Explanation(name, Verdict.REFUTED, str(violation.need), (_statement(claim), shown))


def _method(outcome: Outcome) -> str:
    """Say which method found an outcome: balls are written in brackets."""
    return "enclosure" if outcome.lhs.startswith("[") else "exact"


def _met(hypothesis: Hypothesis, case: Case) -> Sentence:
    relation = hypothesis.relation
    if isinstance(relation, Eq) and not hypothesis.at_point:
        return (f"{hypothesis.says} (it is chosen so)",)
    there = counter.worth(relation.lhs, case)
    here = (": there it says ", relation.func(there, relation.rhs, evaluate=False)) if there is not None else ()
    return (hypothesis.says, *here)


def _instead(claim: Claim, library: Mapping[str, Claim], found: counter.Counterexample) -> Section:
    blocks: list[Block] = []
    for other in (other for other in library.values() if claim.name in other.corrects):
        blocks += [(Ref(other.name), f": {other.says}"), _statement_of(other)]
        there = counter.at_same_place(other, claim, found.case)
        if there is not None:
            blocks.append(("At the place of the counterexample its right side is ", there, ", as it has to be."))
    return Section("What is true instead", tuple(blocks) or (("An open hole: no claim says what is true instead.",),))


def _checked(pieces: list[Evidence]) -> Section:
    """Say what the other methods found that neither prove nor refute."""
    tried = [piece for piece in pieces if piece.verdict is Verdict.SUPPORTED]
    items = tuple(
        (f"{piece.method}: {counted(piece.tried, 'case')} tried, and none speaks against the claim",) for piece in tried
    )
    return Section("Independent checks", (Items(items),) if items else ())
