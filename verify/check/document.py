"""What is kept of a check: everything that the terminal and the page tell is read from it."""

import math
from dataclasses import asdict
from typing import Any

from verify.check.judge import Check
from verify.check.models import Subject
from verify.check.views import View

SCHEMA = "gradcampp-check/1"


def document(check: Check, subject: Subject, view: View, seconds: float) -> dict[str, Any]:
    """Return a check as JSON has it; numbers that are not finite are null."""
    found = {
        "schema": SCHEMA,
        "model": subject.name,
        "weights_from": subject.weights,
        "image": view.name,
        "credit": view.credit,
        "input": list(view.seen.shape),
        "layer": check.layer,
        "shape": list(check.shape),
        "places": check.places,
        "head": check.head,
        "class": {
            "index": check.target,
            "label": subject.label(check.target),
            "score": check.score,
            "probability": check.probability,
        },
        "advice": check.advice,
        "instead": check.instead,
        "applies": check.applies,
        "reasons": list(check.reasons),
        "assumptions": [asdict(each) for each in check.assumptions],
        "operations": [asdict(each) for each in check.operations],
        "kinks": asdict(check.kinks),
        "weights": asdict(check.weights),
        "maps": check.maps and asdict(check.maps),
        "certificate": asdict(check.certificate),
        "map": {
            "closed": None if check.closed is None else check.closed.tolist(),
            "exact": None if check.exact is None else check.exact.tolist(),
        },
        "seconds": round(seconds, 2),
    }
    plain: dict[str, Any] = _plain(found)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return {key: _plain(each) for key, each in value.items()} if isinstance(value, dict) else value
