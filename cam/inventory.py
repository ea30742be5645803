"""What the modules of a model hold: noticed once, compared with what they hold later, and put back."""

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from operator import attrgetter, is_, itemgetter
from typing import Any

import torch
from torch import Tensor, nn

DICTS = frozenset({dict, OrderedDict, defaultdict, Counter})
CONTAINERS = DICTS | {list, set, deque}
ATOMS = frozenset({bool, int, float, str, type(None)})
# What every module has from the beginning; hooks are in dicts, and so are its tensors and modules, which hold no more.
BARE = tuple(vars(nn.Module()))
OWN = ("_parameters", "_buffers", "_modules")
NAMING = attrgetter("modules", "named_modules")
HOOKS = itemgetter(*(k for k, name in enumerate(BARE) if isinstance(vars(nn.Module())[name], dict) and name not in OWN))


class Inventory:
    """What the modules of a model hold, as it is now: their attributes, what the lists, dicts, sets and deques among
    them hold, also inside each other, and all tensors found on the way.

    Most models have hundreds of modules, each with a dozen empty dicts for hooks: what is empty costs one question and
    nothing else.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.attributes: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.empty: list[Any] = []
        self.full: list[tuple[Any, Any]] = []
        self.parameters: list[Tensor] = []
        # Whether all of it is seen here: a scripted module has its tensors and modules elsewhere, and a class may name
        # modules that it does not hold as others do.
        self.seen = True
        found: dict[int, Tensor] = {}
        met: set[int] = set()
        waiting: list[Any] = []
        empty = self.empty.append
        self.members = list(model.modules())
        for module in self.members:
            own = vars(module)
            self.attributes.append((own, own.copy()))
            parameters = [x for x in module._parameters.values() if x is not None]
            self.parameters += parameters
            found.update((id(x), x) for x in (*parameters, *module._buffers.values()) if x is not None)
            dicts = [own.get(name) for name in OWN]
            self.seen = self.seen and DICTS.issuperset(map(type, dicts)) and NAMING(type(module)) == NAMING(nn.Module)
            values = list(own.values())
            if tuple(islice(own, len(BARE))) == BARE and not any(hooks := HOOKS(values)):
                self.empty += hooks
                for box in dicts:
                    if box:
                        self.full.append((box, box.copy()))
                    else:
                        empty(box)
                values = [module._non_persistent_buffers_set, *values[len(BARE) :]]
            waiting.append(values)
            while waiting:
                box = waiting.pop()
                for value in list(box.values() if isinstance(box, dict) else box):
                    kind = type(value)
                    if kind in CONTAINERS:
                        if not value:
                            empty(value)
                        elif id(value) not in met:
                            met.add(id(value))
                            self.full.append((value, value.copy()))
                            waiting.append(value)
                    elif kind in ATOMS:
                        pass
                    elif kind is tuple:
                        if id(value) not in met and not ATOMS.issuperset(map(type, value)):
                            met.add(id(value))
                            waiting.append(value)
                    elif isinstance(value, Tensor) and value.layout == torch.strided:
                        found[id(value)] = value
        self.tensors = list(found.values())
        self.modules = [own for own, _ in self.attributes]
        self.boxes = [box for box, _ in self.full]
        self.dicts = [*self.modules, *(box for box in self.boxes if isinstance(box, dict))]
        self.sizes, self.names, self.things = self._sizes(), self._names(), list(self._things())

    def stands(self) -> bool:
        """Whether the modules hold the very same things in the same order, as far as Python sees."""
        return (
            not any(self.empty)
            and all(map(is_, map(vars, self.members), self.modules))
            and self._sizes() == self.sizes
            and self._names() == self.names
            and all(map(is_, self._things(), self.things))
        )

    def _sizes(self) -> list[int]:
        return [*map(len, self.modules), *map(len, self.boxes)]

    def _names(self) -> list[str]:
        """Return the names of all attributes: strings, which may be asked whether they are equal."""
        return list(chain.from_iterable(self.modules))

    def _things(self) -> Iterator[Any]:
        """Return what attributes and boxes hold, with the keys of dicts that are no attributes."""
        return chain(chain.from_iterable(map(dict.values, self.dicts)), chain.from_iterable(self.boxes))

    def put_back(self) -> None:
        """Give the modules back what they held. The values of tensors are not looked at."""
        if self.stands():
            return
        for module, (own, attributes) in zip(self.members, self.attributes, strict=True):
            if vars(module) is not own:
                object.__setattr__(module, "__dict__", own)
            own.clear()
            own.update(attributes)
        for box in self.empty:
            box.clear()
        for box, copy in self.full:
            box.clear()
            (box.extend if isinstance(box, (list, deque)) else box.update)(copy)


@dataclass(eq=False)
class Latest:
    """The latest inventory of a model, taken anew if the model holds anything else by now.

    It keeps alive what the model held when it was last asked.

    Args:
        demand: what is asked of a model first: raises if it cannot be used.
        inventory: the inventory, None before the first.
    """

    demand: Callable[[nn.Module], None]
    inventory: Inventory | None = None

    def of(self, model: nn.Module) -> Inventory:
        """Return the inventory of a model as it is now."""
        known = self.inventory
        # By `x.data = y` a parameter becomes an inference tensor, and stays the same to Python.
        if (
            known is None
            or known.model is not model
            or not known.seen
            or not known.stands()
            or any(map(Tensor.is_inference, known.parameters))
        ):
            self.demand(model)
            self.inventory = known = Inventory(model)
        return known

    def __reduce__(self) -> Any:
        # A copy is asked about a copy of the model.
        return type(self), (self.demand,)
