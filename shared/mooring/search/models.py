"""The encoder of the settings, and the files that the models are."""

import hashlib
from pathlib import Path

import numpy as np

from mooring.search import arrays
from mooring.search.arrays import Arrays, Damaged
from mooring.search.encoder import Encoder
from mooring.search.static_table import StaticTable
from mooring.settings import AwsSettings, SettingsError

# What layers/registry/build_models.py made.
SHA256 = {
    "minilm": "bf04f09fb76ae65f10c7a09d10975cbed1c04577986fd2b9c392fbf6e593190c",
    "static": "7ad3354062f365c4cc5339bbba903475455077b5ce2fb4703608a80b0ea3325d",
}
_IN_LAYER = Path(np.__file__).parents[2] / "models"  # beside the layer's folder `python`
_IN_CHECKOUT = Path(__file__).parents[3] / "layers" / "registry" / "models"


def encoder(name: str, folder: str = "") -> Encoder:
    """Return the encoder `static`, `minilm` or `bedrock`; `folder` has the files of the first two.

    Raises:
        SettingsError: there is no such encoder, or its file is missing or another one.
    """
    if name == "static":
        return StaticTable(_model(name, folder))
    if name == "minilm":
        from mooring.search.minilm import MiniLM

        return MiniLM(_model(name, folder))
    if name == "bedrock":
        from mooring.search.bedrock import Bedrock

        return Bedrock(AwsSettings.read())
    raise SettingsError(f"MOORING_ENCODER must be static, minilm or bedrock, and is {name!r}")


def _model(name: str, folder: str) -> Arrays:
    path = _folder(folder) / f"{name}.arrays"
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 != SHA256[name]:
            raise SettingsError(f"{path} is not the model that this version of Mooring was made with")
        return arrays.load(path)
    except FileNotFoundError as error:
        raise SettingsError(f"{path} is missing: `make {name}` builds it") from error
    except (Damaged, OSError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error


def _folder(folder: str) -> Path:
    if folder:
        return Path(folder)
    return _IN_LAYER if _IN_LAYER.is_dir() else _IN_CHECKOUT
