"""How many multiplications and additions a tail's derivatives need, and what each representation saves of them.

Counted are those of matrix products of two factors that are not both constant, an addition and a multiplication as two,
once for each line: what is left after everything that lines share was worked out once, and what a limit at the rate of
large matrix products can be compared with. Elementwise work, sums, the plan and what it keeps are not counted, so a
time of 1 times the limit cannot be reached.

Each formula takes what is left out (`Options`), for the gain that is predicted is the ratio of two counts. Without
blocks the count stays: what they save is memory traffic, and the prediction is 1.
"""

from collections.abc import Callable

from cam.jets.plan import Options

ALL = Options()


def lines_of(name: str, sizes: dict[str, int]) -> int:
    """Return how many lines are followed: in T1 one for each pooled place, elsewhere one for each entry."""
    C, side = sizes["C"], sizes["side"]
    return C * (side // 2) ** 2 if name.startswith("T1") else C * side * side


def vgg(sizes: dict[str, int], options: Options = ALL) -> int:
    """Return the count of T1 for the whole map.

    A line begins as a column of the first H x P matrix. Behind the first activation it has two derivatives, each
    multiplied by the H x H matrix: 4 H^2. Nothing is propagated behind the second activation. Without roots there is a
    line for each entry, and each is multiplied by the first matrix as well, with one derivative: 2 P H more.
    """
    C, side, H = sizes["C"], sizes["side"], sizes["H"]
    pooled = C * (side // 2) ** 2
    return pooled * 4 * H * H if options.roots else C * side * side * (2 * pooled * H + 4 * H * H)


def bottleneck(sizes: dict[str, int], options: Options = ALL) -> int:
    """Return the count of T3 for the whole map.

    A line begins as a column of the first 1 x 1 convolution. Two derivatives go through the 3 x 3 convolution from one
    place to its window of at most 9 places, w of them: 4 M^2 w. On the window the first derivative is widened, 2 C M w;
    the second enters by M x M forms alone, 2 M^2 w, or without forms is widened too, 2 C M w; so it is without folding,
    for then a batch norm stands between the convolution and the curve. Over all places w sums to
    (3 side - 2)^2. With windows but no taps the convolution reads 9 taps for each place; without windows it reads
    them for all side^2 places, each of which is then widened.
    """
    C, side, M = sizes["C"], sizes["side"], sizes["M"]
    places = side * side
    window = (3 * side - 2) ** 2
    taps = window if options.taps and options.windows else 9 * (window if options.windows else places * places)
    wide = window if options.windows else places * places
    last = 2 * M * M if options.forms and options.folding else 2 * C * M
    return C * (4 * M * M * taps + (2 * C * M + last) * wide)


def convnext(sizes: dict[str, int], options: Options = ALL) -> int:
    """Return the count of T4 for the whole map.

    Lines of one channel share their values. The layer norm keeps them in a plane, whose image under C -> 4C is made
    once. Behind the activation two derivatives of side^2 places are multiplied by the 4C x C matrix: for each channel
    16 C^2 side^2. Then the factors of each line sum them over places, two derivatives of C numbers: 4 C side^2 for each
    line. Without spreads every line has side^2 places of its own, and no such sum. Without the plane, the two
    derivatives are multiplied by the C x 4C matrix too.
    """
    C, side = sizes["C"], sizes["side"]
    places = side * side
    rows = C * places if options.spreads else C * places * places
    sums = 4 * C * places * C * places if options.spreads else 0
    return rows * 16 * C * C * (1 if options.one_place else 2) + sums


COUNTS: dict[str, Callable[..., int]] = {"T1": vgg, "T3": bottleneck, "T4": convnext}


def per_line(name: str, sizes: dict[str, int], options: Options = ALL) -> float:
    """Return the count of a workload that has sites for one line, on average over its map."""
    return COUNTS[name](sizes, options) / lines_of(name, sizes)
