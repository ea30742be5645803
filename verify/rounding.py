"""How far can the numbers that torch computed be from the true ones? Running error analysis, on torch's own operations.

Under the mode each operation on float64 tensors is executed as always, and beside its result stands a tensor of bounds

    e >= |computed - exact|      exact: the same operations, done without rounding on the same inputs

entry by entry. The rule of an operation f adds two things, |fl(f(x)) - f(x)| and sup |f(x + d) - f(x)| over
|d| <= e_x, x being the numbers at hand. No model of the graph is needed, so derivatives by nested
`torch.autograd.grad` and by nested `torch.func.jvp` are bounded as well: they are operations like any other.

What is relied upon:
    IEEE 754 in round to nearest, u = 2^-53, for + - * / and sqrt; sums and products in any order, with or without
        fused multiply-add (no Strassen, no Winograd, no FFT: torch's CPU kernels use none for float64);
    4 u relative for exp, log, log1p, expm1, erf, sin, cos, sinh, cosh, tanh, sigmoid, rsqrt and pow: the one
        assumption about torch's kernels. A test compares them with ball arithmetic on a grid;
    torch's table of decompositions, for what its fused operations mean. Not for how well they are computed: the
        distance between the fused and the decomposed result is part of the bound.
A scalar in the program is the float64 it is; yet if it has more than 26 significant bits it also gets 4 u for the
number that was meant, such as 1/sqrt(2): a wider bound is still a bound. A threshold stays what it is. Where a
comparison could fall the other way the bound is infinite. At a kink that is met exactly (x = 0 with e = 0) torch's
own branch is the exact one.

Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., sections 2.2, 3.1 and 3.3.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map_only

from verify.rounding_rules import Bound, Call, NoRule, scalar_error, slack
from verify.rounding_table import EXACT, QUESTIONS, RULES, SCALING, meaning

# What is done inside is not watched: for comparisons whose outcome is judged and not computed with.
unwatched = _disable_current_modes

__all__ = ["LARGE", "NoRule", "RunningError", "unwatched"]

# Bytes of new bounds after which those of tensors that are gone are dropped.
SWEEP = 1 << 26
# Results beyond this, or below its inverse and not zero, have no bound: their cubes leave the range of float64.
LARGE = 2.0**300


class RunningError(TorchDispatchMode):
    """Keep a rigorous bound on the rounding error of every float64 tensor that torch computes inside the `with` block.

        with RunningError() as mode:
            y, = torch.autograd.grad(f(x).sum(), x, create_graph=True)
        mode.error(y)

    A tensor the mode has not seen is an input: exact unless `assume` says otherwise. So is a tensor made of numbers
    that were read out on the way, and reading out a number that has an error (`item()`) raises.

    Bounds live beside storages, not beside tensors: entry k of a storage has entry k of its shadow as bound. A view, a
    saved tensor unpacked by autograd and a tensor changed in place need no bookkeeping then. A storage is known by its
    address; the weak reference kept with the shadow holds that address, though not the data, so that no other storage
    gets it while the mode remembers it. An exact storage has no shadow.

    Raises:
        NoRule: inside the block, for an operation whose rounding is not described; the message names it.
    """

    def __init__(self) -> None:
        super().__init__()
        if torch.tensor(2.0**-1022, dtype=torch.float64).mul(0.5).item() == 0:
            raise RuntimeError("subnormal numbers are flushed to zero: torch.set_flush_denormal(False) first")
        self._shadows: dict[int, tuple[StorageWeakRef, Tensor]] = {}
        self._added = 0
        self._active: set[Any] = set()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Do not ask for protection from the compiler: nothing is compiled here, and asking loads it, two seconds."""
        return False

    def error(self, tensor: Tensor) -> Tensor:
        """Return the bounds for the entries of `tensor`: same shape, 0 where exact, inf where nothing is known."""
        with unwatched():
            bound = self._bound(tensor)
            if bound is None:
                return torch.zeros(tensor.shape, dtype=torch.float64)
            return bound.nan_to_num(nan=torch.inf, posinf=torch.inf)

    def assume(self, tensor: Tensor, error: Tensor | float) -> None:
        """Say that the entries of `tensor` are within `error` of the exact ones.

        Args:
            tensor: float64, an input.
            error: at least zero, inf allowed; broadcasts to the shape of `tensor`.

        Raises:
            ValueError: the tensor is not float64, or an error is negative or NaN.
        """
        with unwatched():
            bound = torch.as_tensor(error, dtype=torch.float64).detach()
            if tensor.dtype != torch.float64 or not bool((bound >= 0).all()):
                raise ValueError(f"expected a float64 tensor and errors >= 0, got {tensor.dtype} and {error}")
            self._keep(tensor, bound.clone())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.overloadpacket in QUESTIONS:
            return func(*args, **kwargs)
        inputs = list(_tensors((*args, *kwargs.values())))
        if not func.is_view and any(x._is_zerotensor() for x in inputs):
            # In nested jvp torch 2.13 hands some kernels a zero tensor without memory: they crash.
            args, kwargs = tree_map_only(Tensor, _in_memory, (args, kwargs))
            inputs = list(_tensors((*args, *kwargs.values())))
        if func._schema.is_mutable:
            return self._in_place(func, args, kwargs)
        out = func(*args, **kwargs)
        tensors = list(_tensors((out,)))
        known = {_address(x): x.dtype for x in inputs}
        fresh = [x for x in tensors if not x.is_meta and not x._is_zerotensor() and _address(x) not in known]
        inexact = any(address in self._shadows for address in known)
        if any(known.get(_address(x), x.dtype) != x.dtype for x in tensors if not x.is_meta):
            raise NoRule(func, "a view of another type")
        if tensors and not fresh:  # views share the shadow of what they view; meta and zero tensors hold no number
            return out
        floats = any(x.is_floating_point() or x.is_complex() for x in fresh)
        if func.overloadpacket in EXACT or not (inexact or (inputs and floats)):
            return out
        call = Call(func, args, kwargs, out, self._error)
        rule = RULES.get(func.overloadpacket, self._by_meaning)
        if any(x.dtype != torch.float64 for x in fresh if x.is_floating_point() or x.is_complex()):
            raise NoRule(func, f"only float64 is described, not {[str(x.dtype) for x in fresh]}")
        bounds = rule(call)
        whole = (out,) if isinstance(out, Tensor) else tuple(out) if isinstance(out, (list, tuple)) else ()
        several = bounds if isinstance(bounds, (list, tuple)) else (bounds,) * len(whole)
        for x, bound in zip(whole, several, strict=True):
            if func.overloadpacket in SCALING:
                bound = _in_range(x, bound)
            if bound is not None:
                self._keep(x, bound)
        return out

    def _by_meaning(self, call: Call) -> tuple[Bound, ...]:
        """Bound by the error of the operation written out in simpler ones and the distance of the two results."""
        simpler = meaning(call.func)
        if simpler is None or call.func in self._active:
            raise NoRule(call.func)
        self._active.add(call.func)
        try:
            with self:
                parts = tree_leaves(simpler(*call.args, **call.kwargs))
        except NoRule as missing:
            raise NoRule(call.func, f"written out it needs {missing.func}") from missing
        finally:
            self._active.discard(call.func)
        if any(part is NotImplemented for part in parts):
            raise NoRule(call.func, "torch writes it out in other cases alone")
        bounds: list[Bound] = []
        for x, part in zip(tree_leaves(call.out), parts, strict=True):
            if not isinstance(x, Tensor) or x.dtype != torch.float64:
                if isinstance(x, Tensor) and self._bound(part) is not None:
                    raise NoRule(call.func, f"a result of type {x.dtype} that has an error")
                bounds.append(None)
                continue
            if x.shape != part.shape:
                raise NoRule(call.func, f"written out it has shape {tuple(part.shape)}, not {tuple(x.shape)}")
            distance, e = (x - part).abs(), self._bound(part)
            bounds.append((distance if e is None else distance.add_(e)).mul_(slack()))
        return tuple(bounds)

    def _in_place(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Do the operation out of place, then copy: the rule sees the old numbers."""
        target = args[0] if args else None
        name, overload = func.overloadpacket.__name__, func._overloadname
        plain: Any = getattr(getattr(torch.ops.aten, name.rstrip("_"), None), overload, None)
        if not isinstance(target, Tensor) or not name.endswith("_") or (plain is None and name != "copy_"):
            raise NoRule(func, "only in-place operations with a counterpart out of place are followed")
        if target.is_meta:
            return func(*args, **kwargs)
        with self:
            result = args[1].to(target.dtype) if name == "copy_" else plain(*args, **kwargs)
        target.copy_(result)
        bound = self._bound(result)
        if bound is not None and result.dtype != target.dtype:
            raise NoRule(func, f"from {result.dtype} to {target.dtype}")
        if bound is not None or _address(target) in self._shadows:
            self._keep(target, torch.zeros((), dtype=torch.float64) if bound is None else bound)
        return target

    def _error(self, x: Any) -> Bound:
        """Return the bound of an argument: a tensor, a number or nothing."""
        if isinstance(x, Tensor):
            return self._bound(x)
        return scalar_error(float(x)) if isinstance(x, (int, float)) else None

    def _bound(self, tensor: Tensor) -> Tensor | None:
        if tensor.is_meta or tensor._is_zerotensor():
            return None
        found = self._shadows.get(_address(tensor))
        if found is None:
            return None
        shadow = found[1]
        return shadow.as_strided(tensor.size(), tensor.stride(), shadow.storage_offset() + tensor.storage_offset())

    def _keep(self, tensor: Tensor, bound: Tensor | float) -> None:
        """Put the bound beside the tensor's entries. A shadow is never changed: several storages may share it."""
        storage = tensor.untyped_storage()
        count = storage.nbytes() // tensor.element_size()
        bound = torch.as_tensor(bound, dtype=torch.float64).expand(tensor.shape)
        if tensor.is_contiguous() and tensor.numel() == count:
            shadow = bound.contiguous().view(-1)
        else:
            found = self._shadows.get(storage._cdata)
            shadow = torch.zeros(count, dtype=torch.float64) if found is None else found[1].clone()
            shadow.as_strided(tensor.size(), tensor.stride(), tensor.storage_offset()).copy_(bound)
        self._shadows[storage._cdata] = (StorageWeakRef(storage), shadow)
        self._added += 8 * count
        if self._added > SWEEP:
            self._shadows = {key: kept for key, kept in self._shadows.items() if not kept[0].expired()}
            self._added = 0


def _in_range(result: Tensor | None, bound: Bound) -> Bound:
    """Return the bound, infinite where the result is so large or small that computing bounds may over- or underflow."""
    if not isinstance(result, Tensor) or result.dtype != torch.float64 or not result.numel():
        return bound
    if torch.equal(torch.hardshrink(result, 1 / LARGE).clamp_(-LARGE, LARGE), result):
        return bound
    size = result.abs()
    known = torch.zeros((), dtype=torch.float64) if bound is None else torch.as_tensor(bound, dtype=torch.float64)
    return torch.where((size == 0) | ((size > 1 / LARGE) & (size < LARGE)), known, torch.inf)


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    """Yield the tensors among the arguments or results of an operation, those in its lists too: they nest no deeper."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from (part for part in value if isinstance(part, Tensor))


def _address(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _in_memory(tensor: Tensor) -> Tensor:
    return torch.zeros(tensor.shape, dtype=tensor.dtype) if tensor._is_zerotensor() else tensor
