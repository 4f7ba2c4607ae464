"""What AWS, and the tools for it, tell every process: the standard variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

_ECS_URL = "http://169.254.170.2"  # of the agent of ECS, seen from a task


@dataclass(frozen=True)
class AwsSettings:
    """The standard AWS variables, for code that signs its own requests."""

    region: str
    access_key: str
    secret_key: str
    session_token: str
    dynamodb_url: str
    kms_url: str = ""
    bedrock_url: str = ""
    s3_url: str = ""
    ecs_url: str = ""
    lambda_url: str = ""
    credentials_url: str = ""
    """Where ECS gives the credentials of the task's role; empty: the ones above are used."""
    credentials_token: str = field(default="", repr=False)
    task_metadata_url: str = ""
    """Where ECS says which task this is; empty: it is none."""
    task_agent_url: str = ""
    """Where ECS takes a task's wish not to be scaled in."""

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        return cls(
            region=region,
            access_key=environ.get("AWS_ACCESS_KEY_ID", ""),
            secret_key=environ.get("AWS_SECRET_ACCESS_KEY", ""),
            session_token=environ.get("AWS_SESSION_TOKEN", ""),
            dynamodb_url=_endpoint("dynamodb", region, environ),
            kms_url=_endpoint("kms", region, environ),
            bedrock_url=_endpoint("bedrock-runtime", region, environ),
            s3_url=_endpoint("s3", region, environ),
            ecs_url=_endpoint("ecs", region, environ),
            lambda_url=_endpoint("lambda", region, environ),
            credentials_url=_credentials_url(environ),
            credentials_token=environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", ""),
            task_metadata_url=environ.get("ECS_CONTAINER_METADATA_URI_V4", ""),
            task_agent_url=environ.get("ECS_AGENT_URI", ""),
        )


def _credentials_url(environ: Mapping[str, str]) -> str:
    """Return where a role's credentials are, unless the environment has some itself, as AWS's SDKs do."""
    if environ.get("AWS_ACCESS_KEY_ID"):
        return ""
    relative = environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "")
    return f"{_ECS_URL}{relative}" if relative else environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")


def _endpoint(service: str, region: str, environ: Mapping[str, str]) -> str:
    return (
        environ.get(f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}")
        or environ.get("AWS_ENDPOINT_URL")
        or f"https://{service}.{region}.amazonaws.com"
    )
