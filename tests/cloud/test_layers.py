"""What `sam build` puts into the layers."""

from pathlib import Path

from tests.compiled import compiled_modules, is_of_lambda


def test_no_compiled_module_of_a_layer_is_of_another_version_than_lambda_s(build: Path) -> None:
    assert list(build.rglob("mooring/errors.py"))
    assert [path for path in compiled_modules(build) if not is_of_lambda(path)] == []
