"""The claims as a graph: what uses what, what corrects what, and how each stands. Layers drawn by hand as inline SVG.

Every arrow goes to the right, from what is used to what uses it and from a correction to the printed line it replaces.
A claim stands in the layer after the last that points to it; within a layer a claim stands near its neighbours, and
otherwise as read. Parts that no arrow joins follow one another in reading order; what has no arrow fills rows below.
Figures are in pixels; the same ledger gives the same picture.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from verify.report.table import is_open_hole
from verify.report.words import VERDICTS, counted

WIDTH, HEIGHT, ACROSS, BETWEEN, ASIDE = 172, 40, 62, 12, 22
LEAST = 4  # columns
LETTERS = 23  # in one line of a node
SWEEPS = 8
USES, CORRECTS = "uses", "corrects"


@dataclass(frozen=True)
class Node:
    """A claim at its place: the middle of its box, its name in lines, its class for colour and its words."""

    name: str
    lines: tuple[str, ...]
    kind: str
    says: str
    x: float
    y: float


@dataclass(frozen=True)
class Arrow:
    """A way from one box to another: the points it passes, one a layer, and what it means."""

    kind: str
    path: str
    head: str


@dataclass(frozen=True)
class Drawing:
    """Everything the template has to write; `says` is the result in words, for whoever does not see it."""

    width: int
    height: int
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    kinds: tuple[str, ...]
    says: str


Edge = tuple[str, str, str]
Place = tuple[float, float]


def draw(claims: Sequence[Mapping[str, Any]]) -> Drawing:
    """Lay out the claims of a ledger."""
    names = [claim["name"] for claim in claims]
    edges = edges_of(claims)
    joined = {end for edge in edges for end in edge[:2]}
    places: dict[str, Place] = {}
    bends: dict[Edge, list[Place]] = {}
    parts = [(part, _layers(part, [edge for edge in edges if edge[0] in part])) for part in _parts(names, edges)]
    columns = max([LEAST, *(max(layer.values()) + 1 for _, layer in parts)])
    top, column, tallest = 0.0, 0, 0.0
    for _, layer in parts:  # beside the last one if there is room, else below
        across = max(layer.values()) + 1
        if column + across > columns:
            top, column, tallest = top + tallest + ASIDE, 0, 0.0
        own = [edge for edge in edges if edge[0] in layer]
        tallest = max(tallest, _lay_out(layer, own, (column * (WIDTH + ACROSS), top), places, bends))
        column += across
    top += tallest + ASIDE if parts else 0
    for place, name in enumerate(name for name in names if name not in joined):
        row, column = divmod(place, columns)
        places[name] = (column * (WIDTH + ACROSS), top + row * (HEIGHT + BETWEEN))
    nodes = tuple(_node(claim, edges, places[claim["name"]]) for claim in claims)
    height = max((node.y for node in nodes), default=0) + HEIGHT
    return Drawing(
        width=columns * (WIDTH + ACROSS) - ACROSS + 2,
        height=round(height) + 2,
        nodes=nodes,
        arrows=tuple(_arrow(edge, bends[edge]) for edge in edges),
        kinds=tuple(dict.fromkeys(kind for kind in (*map(str.lower, VERDICTS), "fallen", "hole") if _has(nodes, kind))),
        says=in_words(claims, edges),
    )


def edges_of(claims: Sequence[Mapping[str, Any]]) -> list[Edge]:
    """Return the arrows: from what is used to its user, from a correction to what it corrects. Both ends are there."""
    names = {claim["name"] for claim in claims}
    used = [(other, claim["name"], USES) for claim in claims for other in claim["uses"] if other in names]
    corrected = [(claim["name"], other, CORRECTS) for claim in claims for other in claim["corrects"] if other in names]
    return [edge for edge in dict.fromkeys(used + corrected) if edge[0] != edge[1]]


def in_words(claims: Sequence[Mapping[str, Any]], edges: Sequence[Edge]) -> str:
    """State the result that the picture shows."""
    refuted = [claim for claim in claims if claim["verdict"] == "REFUTED"]
    holes = [claim["name"] for claim in claims if is_open_hole(claim)]
    fallen = [claim["name"] for claim in claims if claim["verdict"] == "PROVED" and not claim["stands"]]
    count = ", ".join(
        f"{sum(claim['verdict'] == verdict for claim in claims)} {verdict.lower()}"
        for verdict in VERDICTS
        if any(claim["verdict"] == verdict for claim in claims)
    )
    kinds = [kind for _, _, kind in edges]
    uses, corrects = kinds.count(USES), kinds.count(CORRECTS)
    return " ".join(
        (
            f"{counted(claims, 'claim')}: {count or 'none was tried'}.",
            f"{counted(uses, 'arrow leads', 'arrows lead')} from what is used to what uses it and",
            f"{counted(corrects, 'arrow')} from a correction to what it replaces.",
            _rest(refuted, holes),
            f"Proved, but resting on what does not stand: {', '.join(fallen)}." if fallen else "",
        )
    ).strip()


def _rest(refuted: Sequence[object], holes: Sequence[str]) -> str:
    if holes:
        return f"Refuted and corrected by none: {', '.join(holes)}."
    return "Every refuted claim is corrected by another." if refuted else "None is refuted."


def _has(nodes: Iterable[Node], kind: str) -> bool:
    return any(node.kind == kind for node in nodes)


def _parts(names: Sequence[str], edges: Sequence[Edge]) -> list[list[str]]:
    """Return the sets of claims that arrows join, each in reading order and by their first claim; no single ones."""
    group = {name: name for name in names}
    for one, other, _ in edges:
        old, new = group[other], group[one]
        group = {name: new if at == old else at for name, at in group.items()}
    parts: dict[str, list[str]] = {}
    for name in names:
        parts.setdefault(group[name], []).append(name)
    return [part for part in parts.values() if len(part) > 1]


def _layers(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Return the longest way to each claim. A circle, which no sound ledger has, ends after as many steps as claims."""
    layer = dict.fromkeys(names, 0)
    for _ in names:
        for one, other, _ in edges:
            layer[other] = max(layer[other], min(layer[one] + 1, len(names)))
    return layer


def _lay_out(
    layer: Mapping[str, int],
    edges: Sequence[Edge],
    corner: Place,
    places: dict[str, Place],
    bends: dict[Edge, list[Place]],
) -> float:
    """Place one part from `corner` on; an arrow over several layers gets a place in each. Return the height."""
    ways: dict[Edge, list[Any]] = {}
    rows: list[list[Any]] = [[] for _ in range(max(layer.values()) + 1)]
    for name, level in layer.items():
        rows[level].append(name)
    for edge in edges:
        between = [(edge, level) for level in range(layer[edge[0]] + 1, layer[edge[1]])]
        for bend in between:
            rows[bend[1]].append(bend)
        ways[edge] = [edge[0], *between, edge[1]]
    steps = [pair for way in ways.values() for pair in pairwise(way)]
    rows = _ordered(rows, steps)
    sizes = [sum(_size(each) + BETWEEN for each in row) - BETWEEN for row in rows]
    height = max(sizes)
    at: dict[Any, Place] = {}
    for level, (row, size) in enumerate(zip(rows, sizes, strict=True)):
        y = corner[1] + (height - size) / 2
        for each in row:
            at[each] = (corner[0] + level * (WIDTH + ACROSS), y + (_size(each) - HEIGHT) / 2)
            y += _size(each) + BETWEEN
    places |= {name: at[name] for name in layer}
    bends |= {edge: [at[each] for each in way] for edge, way in ways.items()}
    return height


def _size(each: Any) -> float:
    return HEIGHT if isinstance(each, str) else 4


def _ordered(rows: list[list[Any]], steps: Sequence[tuple[Any, Any]]) -> list[list[Any]]:
    """Sweep to and fro, each row by the mean place of its neighbours in the row before; equals stay as they are."""
    before: dict[Any, list[Any]] = {}
    after: dict[Any, list[Any]] = {}
    for one, other in steps:
        before.setdefault(other, []).append(one)
        after.setdefault(one, []).append(other)
    best, fewest = rows, _crossings(rows, steps)
    for sweep in range(SWEEPS):
        near, order = (before, rows) if sweep % 2 == 0 else (after, rows[::-1])
        done: list[list[Any]] = []
        for row in order:
            place = {each: (i + 0.5) / len(done[-1]) for i, each in enumerate(done[-1])} if done else {}
            own = {each: (i + 0.5) / len(row) for i, each in enumerate(row)}
            means = {each: _mean([place[o] for o in near.get(each, []) if o in place], own[each]) for each in row}
            done.append(sorted(row, key=means.__getitem__))
        rows = done if sweep % 2 == 0 else done[::-1]
        crossings = _crossings(rows, steps)
        if crossings < fewest:
            best, fewest = rows, crossings
    return best


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _crossings(rows: Sequence[Sequence[Any]], steps: Sequence[tuple[Any, Any]]) -> int:
    place = {each: (level, i) for level, row in enumerate(rows) for i, each in enumerate(row)}
    ends = sorted((place[one], place[other]) for one, other in steps)
    return sum(
        a[0] == c[0] and (a[1] - c[1]) * (b[1] - d[1]) < 0 for i, (a, b) in enumerate(ends) for c, d in ends[i + 1 :]
    )


def _node(claim: Mapping[str, Any], edges: Sequence[Edge], place: Place) -> Node:
    name, kind = claim["name"], claim["verdict"].lower()
    if is_open_hole(claim):
        kind = "hole"
    elif claim["verdict"] == "PROVED" and not claim["stands"]:
        kind = "fallen"
    words = [f"{name}: {'open hole' if kind == 'hole' else claim['verdict'].lower()}"]
    words += ["does not stand"] if kind == "fallen" else []
    for label, found in (
        ("uses", [one for one, other, how in edges if other == name and how == USES]),
        ("corrects", [other for one, other, how in edges if one == name and how == CORRECTS]),
        ("corrected by", [one for one, other, how in edges if other == name and how == CORRECTS]),
    ):
        words += [f"{label} {', '.join(found)}"] if found else []
    return Node(name, _lines(name), kind, "; ".join(words), place[0] + 1, place[1] + 1)


def _lines(name: str) -> tuple[str, ...]:
    """Break a name at its hyphens, as evenly as they allow."""
    lines = [""]
    for word in name.split("-"):
        longer = f"{lines[-1]}-{word}" if lines[-1] else word
        if len(longer) <= LETTERS or not lines[-1]:
            lines[-1] = longer
        else:
            lines[-1] += "-"
            lines.append(word)
    return tuple(lines)


def _arrow(edge: Edge, way: Sequence[Place]) -> Arrow:
    """Draw a smooth line through the middles of the boxes it passes, level at each, with a head at its end."""
    middles = [(x + 1, y + 1 + HEIGHT / 2) for x, y in way]
    start = (middles[0][0] + WIDTH, middles[0][1])
    end = middles[-1]
    path = f"M{start[0]:g} {start[1]:g}"
    x, y = start
    for across, down in middles[1:-1]:
        path += _curve(x, y, across, down) + f"H{across + WIDTH:g}"
        x, y = across + WIDTH, down
    path += _curve(x, y, end[0] - 6, end[1])
    head = f"M{end[0]:g} {end[1]:g}l-8 -4v8z"
    return Arrow(edge[2], path, head)


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (x + to_x) / 2
    return f"C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}"
