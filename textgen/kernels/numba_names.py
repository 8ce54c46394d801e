"""Undocumented names of Numba that textgen uses, each with its check."""

import importlib

from textgen.private_names import PrivateNames, has_parameters, lookup

NUMBA = PrivateNames(  # compilation.py also checks the cache of each function
    "numba",
    {
        "core.registry.cpu_target": lambda: lookup(
            "numba.core.registry", "cpu_target.target_context.codegen"
        )().magic_tuple()[2],
        "core.cgutils": lambda: all(
            hasattr(importlib.import_module("numba.core.cgutils"), name)
            for name in ("get_or_insert_function", "unpack_tuple", "for_range_slice")
        ),
        "core.sigutils.normalize_signature": lambda: lookup(
            "numba.core.sigutils", "normalize_signature"
        ),
        "core.caching.IndexDataCacheFile": lambda: has_parameters(
            lookup("numba.core.caching", "IndexDataCacheFile"),
            *("cache_path", "filename_base", "source_stamp"),
        ),
        "target_context.make_array, get_dummy_value": lambda: (
            lookup("numba.core.registry", "cpu_target.target_context.make_array")
            and lookup("numba.core.registry", "cpu_target.target_context.get_dummy_value")
        ),
        "llvmlite.ir.types.Type": lambda: lookup("llvmlite.ir", "types.Type._to_string"),
    },
)
