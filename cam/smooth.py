"""Which operations of a traced tail are curved: neither linear nor piecewise linear in what depends on A.

A tail without any is piecewise linear, hence affine along every line near A unless A lies on a kink. The tables list
what is known to be harmless; an operation in none of them counts as smooth, so that "piecewise linear" is never said
wrongly.
"""

import re
from collections.abc import Callable
from operator import getitem
from typing import Any

import torch
from torch._ops import OpOverload
from torch.fx import Graph, Node


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(re.findall(r"\w+", text))


LINEAR = words(
    """
    add sub rsub neg sum mean cumsum trace view _unsafe_view reshape permute transpose t clone alias contiguous _to_copy
    to expand repeat squeeze unsqueeze flatten unflatten unfold as_strided select slice narrow diagonal unbind split
    unsafe_split split_with_sizes chunk cat stack flip roll rot90 tril triu index index_select gather copy slice_scatter
    select_scatter lift_fresh_copy constant_pad_nd reflection_pad1d reflection_pad2d replication_pad1d replication_pad2d
    im2col col2im pixel_shuffle pixel_unshuffle channel_shuffle avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d
    _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_avg_pool2d upsample_nearest1d upsample_nearest2d
    _upsample_nearest_exact2d upsample_bilinear2d _upsample_bilinear2d_aa upsample_bicubic2d _upsample_bicubic2d_aa
    index_put index_add scatter scatter_add masked_fill zeros_like ones_like full_like empty_like new_zeros new_ones
    new_full new_empty view_as_real view_as_complex complex real imag _conj conj_physical resolve_conj resolve_neg
    _neg_view _fft_r2c _fft_c2r _fft_c2c
    """
)
PIECEWISE_LINEAR = words(
    """
    relu relu6 hardtanh clamp clamp_min clamp_max leaky_relu _prelu_kernel threshold hardshrink softshrink hardsigmoid
    abs maximum minimum amax amin max min sort topk max_pool2d_with_indices max_pool3d_with_indices adaptive_max_pool2d
    where eq ne gt ge lt le sign floor ceil round logical_not argmax argmin
    """
)
# Piecewise constant where they put out whole numbers or truth values.
CASTS = frozenset({"_to_copy", "sum", "cumsum"})
# Linear in each of these operands by itself: harmless while at most one of them depends on A.
PRODUCTS = {
    "mul": (0, 1),
    "mm": (0, 1),
    "bmm": (0, 1),
    "mv": (0, 1),
    "dot": (0, 1),
    "convolution": (0, 1),
    "addmm": (1, 2),
    "addmv": (1, 2),
    "baddbmm": (1, 2),
    "addbmm": (1, 2),
    "addcmul": (1, 2),
}
# Harmless while none of these operands depends on A: divisors, slopes, places and masks.
CONSTANTS = {
    "div": (1,),
    "_prelu_kernel": (1,),
    "index": (1,),
    "index_select": (2,),
    "gather": (2,),
    "index_put": (1,),
    "index_add": (2,),
    "scatter": (2,),
    "scatter_add": (2,),
    "masked_fill": (1,),
}
# Overloads of a listed name that multiply.
OTHERWISE = frozenset({"scatter.reduce", "scatter.value_reduce"})


def dependent(graph: Graph) -> frozenset[Node]:
    """Return the nodes of a graph whose value depends on its first placeholder, A."""
    found = {next(node for node in graph.nodes if node.op == "placeholder")}
    for node in graph.nodes:
        if not found.isdisjoint(node.all_input_nodes):
            found.add(node)
    return frozenset(found)


def smooth_operations(graph: Graph) -> tuple[str, ...]:
    """Return the operations of `graph` that are not known to be linear or piecewise linear in A.

    By name ("gelu"), each once, in the order in which they run.
    """
    moving = dependent(graph)
    called = (node for node in graph.nodes if node.op.startswith("call") and node in moving)
    return tuple(dict.fromkeys(name_of(node) for node in called if not harmless(node, moving)))


def kind_of(node: Node, moving: frozenset[Node]) -> str:
    """Return "linear", "piecewise linear" or "smooth": what an operation is in those operands that depend on A."""
    if not harmless(node, moving):
        return "smooth"
    return "piecewise linear" if bends(node) else "linear"


def bends(node: Node) -> bool:
    """Whether an operation that is known to be harmless has several pieces: it bends, or jumps as a cast does."""
    dtype = node.kwargs.get("dtype")
    whole = isinstance(dtype, torch.dtype) and not (dtype.is_floating_point or dtype.is_complex)
    return name_of(node) in PIECEWISE_LINEAR or (whole and name_of(node) in CASTS)


def harmless(node: Node, moving: frozenset[Node]) -> bool:
    """Whether an operation is known to be linear or piecewise linear in what depends on A."""
    if node.target is getitem:
        return True
    if not isinstance(node.target, OpOverload) or node.target.namespace != "aten":
        return False
    name = name_of(node)
    if f"{name}.{node.target._overloadname}" in OTHERWISE:
        return False

    def moves(position: int) -> bool:
        """Whether the operand there, or one in the list there, depends on A."""
        operand = node.args[position] if position < len(node.args) else None
        operands = operand if isinstance(operand, (list, tuple)) else [operand]
        return any(one in moving for one in operands)

    if any(value in moving for value in node.kwargs.values()):
        return False  # the tables know operands by position
    if any(moves(position) for position in CONSTANTS.get(name, ())):
        return False
    if name in PRODUCTS:
        return sum(moves(position) for position in PRODUCTS[name]) <= 1
    return name == "div" or name in LINEAR or name in PIECEWISE_LINEAR


def called(node: Node) -> Callable[..., Any]:
    """Return the operation itself."""
    assert callable(node.target)
    return node.target


# Under this key a node's own notes have the module that ran it.
LAYER = "layer"


def layer_of(node: Node) -> str:
    """Return the dotted name of the innermost module that ran an operation; "" if none is known."""
    return str(node.meta.get("custom", {}).get(LAYER, ""))


def name_of(node: Node) -> str:
    """Return what torch calls an operation, without its overload."""
    target = node.target
    if not isinstance(target, OpOverload):
        return getattr(target, "__name__", str(target))
    return target._opname if target.namespace == "aten" else f"{target.namespace}.{target._opname}"
