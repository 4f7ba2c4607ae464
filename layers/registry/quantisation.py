"""Matrices in int8."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def quantised(matrix: Floats, axis: int) -> tuple[NDArray[np.int8], Floats]:
    """Return the matrix in steps of a scale per row (`axis` 1) or per column (0), and the scales."""
    scale = np.abs(matrix).max(axis=axis) / np.float32(127)
    scale[scale == 0] = 1
    spread = scale[:, None] if axis == 1 else scale
    return np.rint(matrix / spread).astype(np.int8), scale
