"""Methods that Keras must call in a training step, and the error if it does not.

Keras documents only some of the methods that textgen's layers and optimizers override. If another
version of Keras no longer called one of them, training would silently lack what it does. This
module does not import Keras.

    class Layer(keras.layers.LSTM):
        @must_run("noise on the state")
        def inner_loop(self, ...): ...

    forget_calls(network)  # before the first step
    check_calls(network)   # after it: raises an error unless every such method was called
"""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from textgen.packages import incompatible

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_Method = Callable[Concatenate[Any, _Parameters], _Result]

_CALLED = "_textgen_called"  # in an object's __dict__: names of the marked methods that were called


def must_run(
    purpose: str,
) -> Callable[[_Method[_Parameters, _Result]], _Method[_Parameters, _Result]]:
    """Mark a method of a layer or an optimizer that every training step must call.

    TensorFlow and JAX call it only while they trace the first step.

    Args:
        purpose: What training lacks without it, for the error message.

    Example:
        >>> class Layer:
        ...     @must_run("noise")
        ...     def call(self, x: float) -> float:
        ...         return x + 1
        >>> Layer().call(1.0)
        2.0
    """

    def mark(method: _Method[_Parameters, _Result]) -> _Method[_Parameters, _Result]:
        name = method.__qualname__.rpartition("<locals>.")[2]

        @wraps(method)
        def run(
            self: Any, /, *arguments: _Parameters.args, **options: _Parameters.kwargs
        ) -> _Result:
            # Not through setattr, with which Keras tracks what a layer owns.
            vars(self).setdefault(_CALLED, set()).add(name)
            return method(self, *arguments, **options)

        vars(run)[_CALLED] = (name, purpose)
        return run

    return mark


def forget_calls(network: Any) -> None:
    """Forget which methods of a compiled network were called so far, as when it was built."""
    for part in _parts(network):
        vars(part).pop(_CALLED, None)


def check_calls(network: Any) -> None:
    """Check that every marked method of a compiled network's layers and optimizer was called.

    Raises:
        TrainingError: Keras did not call one of them.
    """
    for part in _parts(network):
        called = vars(part).get(_CALLED, ())
        for kind in type(part).__mro__:
            for method in vars(kind).values():
                name, purpose = getattr(method, _CALLED, None) or ("", "")
                if name and name not in called:
                    raise incompatible("keras", f"its training step leaves out {purpose} ({name})")


def _parts(network: Any) -> Iterator[Any]:
    yield from network.layers
    yield network.optimizer
    if (inner := getattr(network.optimizer, "inner_optimizer", None)) is not None:
        yield inner
