"""All peers: what each computes, how it behaves, how far it is from the exact picture, and what looks like an error."""

from collections.abc import Callable, Sequence
from typing import Any

from verify.peers.adapters import Peer, load
from verify.peers.ask import OTHER, NoMap, identify
from verify.peers.behaviours import BEHAVIOURS
from verify.peers.deviation import SCENES, deviations
from verify.peers.findings import standing

SCHEMA = 1
NOT_RUN = "not run"


def steps(peers: Sequence[Peer]) -> int:
    """Return how often `document` reports progress."""
    return len(peers) * (2 + len(BEHAVIOURS) + len(SCENES))


def document(peers: Sequence[Peer], progress: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Return what was found about every peer, as JSON has it."""
    return {"schema": SCHEMA, "peers": [record(peer, progress) for peer in peers]}


def record(peer: Peer, progress: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Return what was found about a peer; one that is missing was not run, and nothing is said about it."""
    told: dict[str, Any] = {"peer": peer.name, "entry": peer.entry, "version": peer.version, "note": peer.note}
    if why := _missing(peer):
        for _ in range(steps([peer])):
            progress(f"{peer.name}: {NOT_RUN}")
        empty = dict.fromkeys(("finish", "factor", "eps", "evidence", "behaviours", "deviation", "findings"))
        return {**told, "formula": NOT_RUN, "why": why, **empty}
    progress(f"{peer.name}: probes")
    try:
        answer = identify(peer.maps)
        formula = {
            "formula": answer.formula,
            "why": "" if answer.formula != OTHER else _ambiguity(answer.evidence["fits"]),
            "finish": answer.finish,
            "factor": answer.factor,
            "eps": list(answer.eps),
            "evidence": answer.evidence,
        }
    except NoMap as error:
        formula = {"formula": OTHER, "why": str(error), "finish": "", "factor": None, "eps": [], "evidence": {}}
    behaviours = {}
    for name, behaviour in BEHAVIOURS.items():
        behaviours[name] = behaviour(peer)
        progress(f"{peer.name}: {name}")
    found = {**told, **formula, "behaviours": behaviours, "deviation": deviations(peer, progress)}
    found["findings"] = standing(peer)
    progress(f"{peer.name}: findings")
    return found


def _ambiguity(fits: Sequence[str]) -> str:
    return f"several formulas give its maps: {'; '.join(fits)}" if fits else "no formula gives its maps of the probes"


def _missing(peer: Peer) -> str:
    if peer.version is None:
        return f"{peer.package} is not installed: {peer.cure}"
    if not peer.package:
        return ""
    try:
        load(peer.module)
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        return f"{peer.module} cannot be imported ({type(error).__name__}: {first}): {peer.cure}"
    return ""
