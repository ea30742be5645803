"""What installed libraries compute, as a page made from what `gradcampp peers --json` printed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment

from verify.errors import CorruptFile

BAR = 120  # pixels for a difference of the whole maximum
FULL = 1.0


def read(path: Path) -> list[Mapping[str, Any]] | None:
    """Read what `gradcampp peers --json` printed; None if it was not run.

    Raises:
        CorruptFile: it is something else.
    """
    from verify.peers.run import SCHEMA
    from verify.peers.table import formula_words

    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text("utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r}")
        return [{**record, "formula_words": formula_words(record)} for record in document["peers"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptFile(f"{path} is not what gradcampp peers --json prints ({error}): run it again") from error


def render(environment: Environment, records: Sequence[Mapping[str, Any]] | None) -> str:
    """Return the page.

    Args:
        environment: what renders it.
        records: of all libraries, None if none was asked.
    """
    return environment.get_template("peers.html.j2").render(
        peers=records, distances=distances(records or ()), bar=BAR, full=FULL
    )


def distances(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return for each trained network how far every library's map and picture are from the exact ones.

    Returns:
        Networks, each with `says` and `rows`; a row has `peer` and `found`, as `verify.peers.deviation` gives it.
    """
    from verify.peers.deviation import SCENES

    titles = {scene.name: scene.says for scene in SCENES}
    names = dict.fromkeys(name for record in records for name in record["deviation"] or ())
    return [
        {
            "says": titles.get(name, name),
            "rows": [
                {"peer": record["peer"], "found": record["deviation"][name]}
                for record in records
                if name in (record["deviation"] or ())
            ],
        }
        for name in names
    ]
