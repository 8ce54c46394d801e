"""The weights in a `.keras` file: each array is checked first, since anyone may have written it.

They are stored as float32, or as float16 in a compact copy (model/compact.py).
"""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen import storage
from textgen.errors import ModelError
from textgen.model.paths import MODEL_KIND
from textgen.sampling.network import WeightSpec

WEIGHTS_MEMBER = "model.weights.h5"
# The most bytes that HDF5 adds: some ten thousand for the file, 2,300 to 3,400 for each array.
_MAX_FILE_OVERHEAD, _MAX_ARRAY_OVERHEAD = 1 << 20, 1 << 13
_DTYPES = (np.dtype(np.float32), np.dtype(np.float16))


def read_weights(
    path: Path, content: bytes, specs: Sequence[WeightSpec]
) -> list[npt.NDArray[np.float32]]:
    """The arrays of a `.keras` file, as float32.

    Args:
        path: The file, for messages.
        content: Its bytes.
        specs: The arrays that it must have.

    Raises:
        ModelError: the file is not one that textgen wrote, its arrays are not as in `specs`, or
            a weight is infinite or not a number.
    """
    import h5py

    numbers = sum(int(np.prod(spec.shape, dtype=object)) for spec in specs)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            member = archive.getinfo(WEIGHTS_MEMBER)
            # An uncompressed file cannot expand to more than its own size.
            if member.compress_type != zipfile.ZIP_STORED or member.file_size > len(content):
                raise ModelError(f"{path}: not a model that textgen wrote; {MODEL_KIND.remedy}")
            overhead = _MAX_FILE_OVERHEAD + len(specs) * _MAX_ARRAY_OVERHEAD
            if not 2 * numbers <= member.file_size <= 4 * numbers + overhead:
                raise ModelError(
                    f"{path}: has weights of another size than settings.json says; "
                    f"{MODEL_KIND.remedy}"
                )
            data = archive.read(member)
        with h5py.File(io.BytesIO(data), "r") as file:
            arrays = [_read_array(file, spec, path, h5py) for spec in specs]
    except storage.DAMAGE_ERRORS as error:
        raise ModelError(
            f"{path}: not a model that textgen wrote ({storage.describe_damage(error)}); "
            f"{MODEL_KIND.remedy}"
        ) from error
    if not all(np.isfinite(array).all() for array in arrays):
        raise ModelError(f"{path}: has weights that are not numbers; {MODEL_KIND.remedy}")
    return arrays


def _read_array(file: Any, spec: WeightSpec, path: Path, h5py: Any) -> npt.NDArray[np.float32]:
    item = file
    for name in spec.path.split("/"):
        # A soft or external link could lead to another array or another file.
        if not isinstance(item.get(name, getlink=True), h5py.HardLink):
            raise ModelError(f"{path}: has no {spec.path}; {MODEL_KIND.remedy}")
        item = item[name]
    plain = isinstance(item, h5py.Dataset) and not (item.external or item.is_virtual or item.chunks)
    if not plain:
        raise ModelError(f"{path}: {spec.path} is not a plain array; {MODEL_KIND.remedy}")
    if item.shape != spec.shape or item.dtype not in _DTYPES:
        raise ModelError(
            f"{path}: {spec.path} is {item.dtype} of shape {item.shape}, and settings.json says "
            f"float32 of shape {spec.shape}; {MODEL_KIND.remedy}"
        )
    array: npt.NDArray[Any] = item[()]
    return array.astype(np.float32, copy=False)
