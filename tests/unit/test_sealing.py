"""The local sealer and the choice of one; KMS is in `tests/integration/test_registry_access.py`."""

import base64

import pytest

from mooring.errors import InvalidConfig, InvalidRequest
from mooring.sealing import MAX_PLAIN_BYTES, KmsSealer, LocalSealer, sealer
from mooring.settings import Settings, SettingsError

SEALER = LocalSealer(bytes(32))


def test_sealed_bytes_open_under_their_own_context() -> None:
    sealed = SEALER.seal(b'{"apiKey": "s3cret"}', principal="ada", name="work")
    assert SEALER.unseal(sealed, principal="ada", name="work") == b'{"apiKey": "s3cret"}'


def test_sealed_bytes_show_nothing_and_differ_every_time() -> None:
    first, second = (SEALER.seal(b"s3cret", principal="ada", name="work") for _ in range(2))
    assert b"s3cret" not in first
    assert first != second


@pytest.mark.parametrize(("principal", "name"), [("eve", "work"), ("ada", "home"), ("", ""), ("work", "ada")])
def test_a_row_copied_to_another_place_does_not_open(principal: str, name: str) -> None:
    sealed = SEALER.seal(b"s3cret", principal="ada", name="work")
    with pytest.raises(InvalidConfig):
        SEALER.unseal(sealed, principal=principal, name=name)


def test_another_key_does_not_open_it() -> None:
    sealed = SEALER.seal(b"s3cret", principal="ada", name="work")
    with pytest.raises(InvalidConfig):
        LocalSealer(bytes([1] * 32)).unseal(sealed, principal="ada", name="work")


def test_no_damage_goes_unseen() -> None:
    sealed = SEALER.seal(b"s3cret", principal="ada", name="work")
    damaged = [sealed[:length] for length in range(len(sealed))]
    damaged += [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    for broken in damaged:
        with pytest.raises(InvalidConfig):
            SEALER.unseal(broken, principal="ada", name="work")


def test_more_than_kms_takes_is_refused_by_both_sealers() -> None:
    """The local run promises nothing that the cloud cannot keep."""
    SEALER.seal(bytes(MAX_PLAIN_BYTES), principal="ada", name="work")
    for one in (SEALER, KmsSealer("key", client=object())):
        with pytest.raises(InvalidRequest):
            one.seal(bytes(MAX_PLAIN_BYTES + 1), principal="ada", name="work")


def test_the_settings_choose_kms_where_there_is_a_key_of_it() -> None:
    local = base64.b64encode(bytes(32)).decode()
    assert isinstance(sealer(Settings(secret_key=local)), LocalSealer)
    assert isinstance(sealer(Settings(secret_key=local, kms_key_id="key")), KmsSealer)


@pytest.mark.parametrize("secret_key", ["", "no base64!", base64.b64encode(bytes(16)).decode()])
def test_settings_without_a_usable_key_are_refused(secret_key: str) -> None:
    with pytest.raises(SettingsError, match="MOORING_SECRET_KEY"):
        sealer(Settings(secret_key=secret_key))
