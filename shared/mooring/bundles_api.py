"""Routes of publishers for the files of what they publish. The files themselves go past this API."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BeforeValidator, Field

from mooring.authentication import Publisher
from mooring.bundle_uploads import Bundles
from mooring.server_bodies import Body

Answer = dict[str, Any]

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def _whole(value: object) -> object:
    """JSON Schema takes 1.0 for an integer, and so does what this API says of itself."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class NewBundle(Body):
    digest: Sha256
    size_bytes: Annotated[int, Field(strict=True, ge=1), BeforeValidator(_whole)]
    sha256: Sha256
    platform: Annotated[str, Field(pattern="^[a-z0-9_]+-[a-z0-9_]+$", max_length=100)] | None = None


def routes(bundles: Bundles) -> APIRouter:
    router = APIRouter()

    @router.get("/bundles")
    def describe_bundles(publisher: Publisher) -> Answer:
        return {
            "uploads": bundles.store is not None,
            "workerPlatform": bundles.worker_platform or None,
            "limitBytes": bundles.upload_bytes,
        }

    @router.post(
        "/bundles",
        status_code=201,
        responses={200: {"description": "It is there: there is nothing to upload."}},
    )
    def upload_bundle(publisher: Publisher, body: NewBundle, response: Response) -> Answer:
        upload = bundles.upload(body.digest, body.size_bytes, body.sha256, body.platform)
        if upload is None:
            response.status_code = 200
            return {"status": "exists", "upload": None}
        return {
            "status": "wanted",
            "upload": {
                "method": "PUT",
                "url": upload.url,
                "headers": upload.headers,
                "expiresInSeconds": upload.seconds,
            },
        }

    return router
