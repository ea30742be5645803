"""Every symbol of the project, once: the letters of the field and what they mean.

All claims are about ONE entry A_p of the target layer's activations, p = (k, i, j), moved along its own line while
every other entry stays put. `x` is that entry's value, so that d/dx below is the paper's partial derivative with
respect to A_ij^k and "pure" derivatives of any order are ordinary ones.
"""

from dataclasses import dataclass

from sympy import Basic, Expr, Function, Symbol

x = Symbol("x", real=True)
u = Symbol("u", real=True)
S = Function("S", real=True)
f = Function("f", real=True)
L = Function("L", real=True)
Q = Function("Q", positive=True)
R = Function("R", real=True)
test_function = Function("varphi", real=True)
n = Symbol("n", integer=True, nonnegative=True)
sigma = Symbol("sigma", real=True)
g = Symbol("g", real=True)
w, b, v = Symbol("w", real=True), Symbol("b", real=True), Symbol("v", real=True)
a, y = Symbol("a", real=True), Symbol("y", real=True)
spread = Symbol("r", real=True)
beta = Symbol("beta", positive=True)
step = Symbol("delta", positive=True)
c = Symbol("c", real=True)
c_0, c_1 = Symbol("c_0", real=True), Symbol("c_1", real=True)
T = Symbol("T", positive=True)
m = Symbol("m", integer=True)
alpha, alpha_q = Symbol("alpha", real=True), Symbol("alpha_q", real=True)
g_q, D, rho = Symbol("g_q", real=True), Symbol("D", real=True), Symbol("rho", real=True)
V, W = Function("V", real=True), Function("W", real=True)
G, H, M, total = Symbol("G", real=True), Symbol("H", real=True), Symbol("M", real=True), Symbol("Lambda", real=True)
N, Z = Symbol("N", positive=True), Symbol("Z", positive=True)
left, right, value = Symbol("m_-", real=True), Symbol("m_+", real=True), Symbol("s_0", real=True)


@dataclass(frozen=True)
class Notation:
    """One letter: how it is written, what it means, and where it lives."""

    letter: Basic
    meaning: str
    domain: str


NOTATION = (
    Notation(x, "value of the one entry A_p of the target layer that moves, p = (k, i, j)", "real"),
    Notation(S(x), "tail: everything after the target layer up to one class score, along the line of A_p", "real"),
    Notation(f(u), "outer function (head): the network's number for the class is Y = f(S)", "real"),
    Notation(u, "argument of an outer function or an activation", "real"),
    Notation(n, "order of a derivative", "non-negative integer"),
    Notation(sigma, "footprint: the sum of the activations of the entry's channel, sum_ab A_ab^k", "real"),
    Notation(g, "slope dS/dx of the tail along the line, where it is a number and not a function", "real"),
    Notation(
        Q(x), "normaliser of the softmax, the sum of exp(S_l) over all classes l, along the line of A_p", "positive"
    ),
    Notation(y, "value of another entry of the target layer", "real"),
    Notation(a, "factor of an exponential, an outer function or a tail", "real"),
    Notation(spread, "gradient of a second class; that of a third one is -r", "real"),
    Notation(L(x), "linear layer of the post's linear-activation pair; another class's score; another tail", "real"),
    Notation(R(u), "activation of the post's linear-activation pair", "real"),
    Notation(w, "weight of one hidden unit", "real"),
    Notation(b, "bias of one hidden unit", "real"),
    Notation(v, "outgoing weight of one hidden unit", "real"),
    Notation(T, "temperature of an outer function exp(u/T)", "positive"),
    Notation(m, "exponent of an outer function u^m", "integer"),
    Notation(c, "constant added to an outer function, to a tail or to a footprint", "real"),
    Notation(c_0, "constant that the second integration leaves free", "real"),
    Notation(c_1, "slope that the first integration leaves free", "real"),
    Notation(alpha, "pixel weight of the entry that moves, where it is a number", "real"),
    Notation(alpha_q, "pixel weight of another pixel q of the same channel", "real"),
    Notation(g_q, "slope of the tail along the line of another pixel q of the same channel", "real"),
    Notation(D, "gradient dY/dA_p of the network's number for the class, where it is a number", "real"),
    Notation(rho, "ratio f'''(S)/f''(S) of the outer function, where it is a number", "real"),
    Notation(
        W(x), "rest of the channel's weight: the sum of alpha_q dY/dA_q over its other pixels q, along the line", "real"
    ),
    Notation(V(x), "rest of equation (7): the sum of w_l sigma_l over the other channels l, along the line", "real"),
    Notation(G, "sum of alpha_q g_q over all pixels q of one channel", "real"),
    Notation(H, "sum of sigma_l G_l over the other channels l", "real"),
    Notation(M, "sum of sigma_l G_l over all channels l", "real"),
    Notation(total, "sum over all channels l of sigma_l times a gradient of that channel that is not zero", "real"),
    Notation(N, "number of pixels of one map whose gradient is not zero", "positive"),
    Notation(Z, "number of pixels of one map", "positive"),
    Notation(
        beta, "sharpness of a softplus, log(1 + exp(beta u))/beta: as it grows, it tends to max(0, u)", "positive"
    ),
    Notation(step, "step along the line, in finite differences and limits", "positive"),
    Notation(value, "value of a piecewise-linear function at its kink, which lies at x = 0", "real"),
    Notation(left, "slope just left of the kink", "real"),
    Notation(right, "slope just right of the kink", "real"),
    Notation(test_function(x), "test function: smooth, zero outside a bounded interval", "real"),
)


def meaning_of(letter: Expr) -> str:
    """Return what a letter means.

    Raises:
        KeyError: the letter is not in `NOTATION`; a new letter enters there first.
    """
    for entry in NOTATION:
        if letter in (entry.letter, entry.letter.func):
            return entry.meaning
    raise KeyError(f"{letter} is not in derivation.notation.NOTATION: add it there before a claim uses it")
