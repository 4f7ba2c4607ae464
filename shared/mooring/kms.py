"""KMS: sealing and opening of a few kilobytes, with the keyword arguments of boto3's client."""

import base64
import json
from typing import Any

from mooring.aws_json import AwsError, AwsService
from mooring.settings import AwsSettings


class InvalidCiphertextException(AwsError):
    pass


class IncorrectKeyException(AwsError):
    pass


class _Exceptions:
    InvalidCiphertextException = InvalidCiphertextException
    IncorrectKeyException = IncorrectKeyException


class Kms:
    """Safe to share between threads."""

    exceptions = _Exceptions

    def __init__(self, aws: AwsSettings) -> None:
        self._service = AwsService(
            "kms",
            aws.kms_url,
            aws,
            content_type="application/x-amz-json-1.1",
            target_prefix="TrentService",
            errors={error.__name__: error for error in (InvalidCiphertextException, IncorrectKeyException)},
        )

    def encrypt(self, **parameters: Any) -> dict[str, Any]:
        return self._call("Encrypt", parameters)

    def decrypt(self, **parameters: Any) -> dict[str, Any]:
        return self._call("Decrypt", parameters)

    def _call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._service.call(operation, parameters))
        for name in answer.keys() & {"CiphertextBlob", "Plaintext"}:
            answer[name] = base64.b64decode(answer[name])
        return answer
