"""Functions that Numba compiles, and files for what it compiled.

Compiled code is kept next to the function's module, or in the user's cache directory; where neither
can be written, each process compiles it again.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from textgen.packages import incompatible


def compile_cached(function: Callable[..., Any], key: object = None, **options: Any) -> Any:
    """The function, compiled for the types that it is called with, and kept in files.

    Numba uses a file as long as the function's own source is unchanged, and believes what it reads.
    Here the names of the files also depend on the sources of the function's folder, whose functions
    call each other, and on the processor; and a damaged file is compiled again.

    Args:
        function: A function of a module.
        key: What else the compiled code depends on.
        **options: Of `numba.njit`.

    Raises:
        TrainingError: the installed Numba keeps its files in another way.
    """
    import numba

    try:
        dispatcher = numba.njit(cache=True, **options)(function)
        _name_files(dispatcher._cache, Path(function.__code__.co_filename).parent, key)
    except (RuntimeError, OSError):  # no place for them
        return numba.njit(**options)(function)
    except (AttributeError, ImportError) as error:
        raise incompatible("numba", f"its cache is different ({error})") from error
    return dispatcher


def compile_part(function: Callable[..., Any]) -> Any:
    """The function, as part of the compiled ones that call it."""
    import numba

    return numba.njit(error_model="numpy")(function)


def _name_files(files: Any, folder: Path, key: object) -> None:
    """Give the files of a function another name, and survive what happens to them."""
    from numba.core import sigutils
    from numba.core.caching import IndexDataCacheFile
    from numba.core.registry import cpu_target

    stamp, target = files._cache_file._source_stamp, cpu_target.target_context.codegen()
    parts = repr((stamp, _sources(folder), target.magic_tuple(), key))
    name = f"{files._impl.filename_base}-{hashlib.sha256(parts.encode()).hexdigest()[:12]}"
    files._cache_file = IndexDataCacheFile(files.cache_path, name, stamp)
    load, save, _ = files.load_overload, files.save_overload, files.flush

    def load_or_forget(signature: Any, context: Any) -> Any:
        with suppress(Exception):  # a damaged file
            code = load(signature, context)
            if code is None or code.signature.args == sigutils.normalize_signature(signature)[0]:
                return code
        with suppress(OSError):
            files.flush()
        return None

    def save_if_possible(*arguments: Any) -> None:
        with suppress(Exception):  # as on a full disk
            save(*arguments)

    files.load_overload, files.save_overload = load_or_forget, save_if_possible


@cache
def _sources(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, time of change and size of each module of a folder."""
    paths = sorted(folder.glob("*.py"))
    return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in paths)
