"""How kernels take the state: one pointer to a table of where each of its arrays is and how long it is.

A tuple of forty arrays would be handed over as three hundred words at each call between kernels; compiling those took
longer than compiling the rules.  In a kernel ``s.apps`` is an array as any other; its length is read from the table.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moatlab.market.state.compiled import PLAIN_PYTHON, Rows, type_of

# After the line above, which names the folder of numba's cache.
from llvmlite import ir  # isort: skip
from numba import extending, types  # isort: skip
from numba.core.typing.templates import AttributeTemplate, infer_getattr  # isort: skip
from numba.np.arrayobj import populate_array  # isort: skip

_extending: Any = extending
_types: Any = types
_Template: Any = AttributeTemplate
_populate: Any = populate_array
_ir: Any = ir


class Arrays:
    """The arrays of a `State` by name, and the ``address`` of the table for kernels.

    Whoever replaces an array of the state has it taken up with `take`.
    """

    users: Rows
    apps: Rows
    live: Rows
    labs: Rows
    hosts: Rows
    clouds: Rows
    chipmakers: Rows
    foundry: Rows
    shared: Rows
    now: Rows
    offers: Rows
    grades: Rows
    routing: Rows
    next_routing: Rows
    sellers: Rows
    app_edges: Rows
    app_places: Rows
    edges: Rows
    places: Rows
    vendors: Rows
    backlog: Rows
    prepaid: Rows
    fabs: Rows
    fleet: Rows
    pipeline: Rows
    construction: Rows
    specialisation: Rows
    entrants: Rows
    newcomer: Rows
    cash: Rows
    buyers: Rows
    matrices: Rows
    book: Rows
    totals: Rows
    market_records: Rows
    layer_records: Rows
    category_records: Rows
    firm_records: Rows
    payment_records: Rows

    def __init__(self) -> None:
        self._table = np.zeros(len(NAMES) * _WORDS, np.int64)
        self.address: int = self._table.ctypes.data

    def take(self, name: str, array: Any) -> None:
        """Hand over ``array`` as the one of that name from now on.

        Raises `TypeError` for one of another type than kernels are compiled for.
        """
        if PLAIN_PYTHON:
            self.__dict__[name] = array
            return
        if self.__dict__.get(name) is array:
            return
        dtype, dimensions = _KINDS.setdefault(name, (array.dtype, array.ndim))
        if array.dtype != dtype or array.ndim != dimensions or not array.flags.c_contiguous:
            raise TypeError(f"{name} has to be a contiguous array of {dimensions} dimensions of the type it had")
        first = _PLACE[name]
        self._table[first] = array.ctypes.data
        self._table[first + 1 : first + 1 + dimensions] = array.shape
        self.__dict__[name] = array


NAMES: tuple[str, ...] = tuple(name for name in Arrays.__annotations__ if name != "address")
#: Words of an array in the table: its address, and its length in up to three dimensions.
_WORDS = 4
_PLACE = {name: place * _WORDS for place, name in enumerate(NAMES)}
#: The dtype and the number of dimensions of each array: the same in all markets.
_KINDS: dict[str, tuple[np.dtype[Any], int]] = {}


class _StateType(_types.Type):  # type: ignore[misc]
    """Numba's type of `Arrays`: a pointer that knows the types of the arrays."""

    def __init__(self, arrays: tuple[tuple[str, Any], ...]) -> None:
        self.arrays = arrays
        self.by_name = dict(arrays)
        # The name is part of every symbol in the machine code: a short one.
        super().__init__(name="State")

    @property
    def key(self) -> Any:
        return self.arrays


_made: list[_StateType] = []


@_extending.typeof_impl.register(Arrays)  # type: ignore[untyped-decorator]
def _type_of_arrays(arrays: Arrays, _: Any) -> Any:
    if not _made:
        _made.append(_StateType(tuple((name, type_of(getattr(arrays, name))) for name in NAMES)))
    return _made[0]


_extending.register_model(_StateType)(_extending.models.OpaqueModel)


@_extending.unbox(_StateType)  # type: ignore[untyped-decorator]
def _unbox(_: Any, arrays: Any, c: Any) -> Any:
    address = c.pyapi.object_getattr_string(arrays, "address")
    pointer = c.pyapi.long_as_voidptr(address)
    c.pyapi.decref(address)
    return _extending.NativeValue(pointer, is_error=c.pyapi.c_api_error())


@infer_getattr
class _Attributes(_Template):  # type: ignore[misc]
    key = _StateType

    def generic_resolve(self, state: Any, name: str) -> Any:
        return state.by_name.get(name)


@_extending.lower_getattr_generic(_StateType)  # type: ignore[untyped-decorator]
def _read(context: Any, builder: Any, state: Any, pointer: Any, name: str) -> Any:
    """An array from its words in the table, which do not change while a kernel runs."""
    kind = state.by_name[name]
    word = _ir.IntType(64)
    table = builder.bitcast(pointer, word.as_pointer())

    def read(place: int) -> Any:
        loaded = builder.load(builder.gep(table, [_ir.Constant(_ir.IntType(32), place)]))
        loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
        return loaded

    first = _PLACE[name]
    shape = [read(first + 1 + dimension) for dimension in range(kind.ndim)]
    # Python keeps the arrays alive: kernels count no references to them.
    array = context.make_array(kind)(context, builder)
    row = context.get_data_type(kind.dtype)
    data = builder.inttoptr(read(first), row.as_pointer())
    size = _ir.Constant(word, context.get_abi_sizeof(row))
    strides = [size]
    for length in reversed(shape):
        strides.insert(0, builder.mul(strides[0], length))
    _populate(array, data, shape, strides[1:], size, None)
    return array._getvalue()
