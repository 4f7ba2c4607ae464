"""Sealing of what must not be stored in clear: by KMS in the cloud, by a local key on one machine.

Sealed bytes are bound to the principal and the name they are stored under: a row copied to another place
does not open there.
"""

import base64
import json
import secrets
from functools import cached_property
from typing import Any, Protocol

from mooring.errors import InvalidConfig, InvalidRequest
from mooring.kms import Kms
from mooring.settings import AwsSettings, Settings, SettingsError

MAX_PLAIN_BYTES = 4096  # KMS Encrypt's own limit for a symmetric key
_KEY_BYTES = 32
_NONCE_BYTES = 12  # what AES-GCM is specified for
_FORMAT = b"\x01"


class Sealer(Protocol):
    """Seals and opens again; safe to share between threads."""

    def seal(self, plain: bytes, *, principal: str, name: str) -> bytes:
        """Return `plain` sealed; raises InvalidRequest when it is over MAX_PLAIN_BYTES."""
        ...

    def unseal(self, sealed: bytes, *, principal: str, name: str) -> bytes:
        """Return the plain bytes; raises InvalidConfig when they do not open under this context."""
        ...


def sealer(settings: Settings) -> Sealer:
    """Return the sealer the settings ask for; it loads what it needs when it is first used.

    Raises:
        SettingsError: neither a KMS key nor a local key is set, or the local one is malformed.
    """
    if settings.kms_key_id:
        return KmsSealer(settings.kms_key_id)
    try:
        key = base64.b64decode(settings.secret_key, validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise SettingsError(
            "MOORING_KMS_KEY_ID, or MOORING_SECRET_KEY with the base64 of 32 bytes, must be set"
        )
    return LocalSealer(key)


class KmsSealer:
    """`client` is a `mooring.kms` or boto3 one; None: the first is made on first use."""

    def __init__(self, key_id: str, client: Any = None) -> None:
        self._key_id = key_id
        self._given_client = client

    @cached_property
    def _client(self) -> Any:
        return self._given_client or Kms(AwsSettings.read())

    def seal(self, plain: bytes, *, principal: str, name: str) -> bytes:
        _check_size(plain)
        answer = self._client.encrypt(
            KeyId=self._key_id, Plaintext=plain, EncryptionContext=_context(principal, name)
        )
        sealed: bytes = answer["CiphertextBlob"]
        return sealed

    def unseal(self, sealed: bytes, *, principal: str, name: str) -> bytes:
        try:
            answer = self._client.decrypt(
                KeyId=self._key_id, CiphertextBlob=sealed, EncryptionContext=_context(principal, name)
            )
        except (
            self._client.exceptions.InvalidCiphertextException,
            self._client.exceptions.IncorrectKeyException,
        ) as error:
            raise _does_not_open() from error
        plain: bytes = answer["Plaintext"]
        return plain


class LocalSealer:
    """AES-256-GCM. Sealed is one byte of format, the nonce, then the ciphertext with its tag."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @cached_property
    def _cipher(self) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 20 ms that most starts do not need

        return AESGCM(self._key)

    def seal(self, plain: bytes, *, principal: str, name: str) -> bytes:
        _check_size(plain)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        ciphertext: bytes = self._cipher.encrypt(nonce, plain, _authenticated(principal, name))
        return _FORMAT + nonce + ciphertext

    def unseal(self, sealed: bytes, *, principal: str, name: str) -> bytes:
        from cryptography.exceptions import InvalidTag

        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if sealed[:1] != _FORMAT:
                raise _does_not_open()
            plain: bytes = self._cipher.decrypt(nonce, ciphertext, _authenticated(principal, name))
        except (InvalidTag, ValueError) as error:  # ValueError: cut off within the nonce
            raise _does_not_open() from error
        return plain


def _context(principal: str, name: str) -> dict[str, str]:
    return {"principal": principal, "name": name}


def _authenticated(principal: str, name: str) -> bytes:
    return json.dumps(_context(principal, name), sort_keys=True).encode()


def _check_size(plain: bytes) -> None:
    if len(plain) > MAX_PLAIN_BYTES:
        raise InvalidRequest(f"config is {len(plain)} bytes of JSON; at most {MAX_PLAIN_BYTES} can be kept")


def _does_not_open() -> InvalidConfig:
    reason = "the stored configuration cannot be opened any more; store it again"
    return InvalidConfig(reason, {"errors": [{"pointer": "", "reason": reason}]})
