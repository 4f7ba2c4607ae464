"""The images of the worker and of the builder: the source of each as one archive, built unless it is there.

Only `functions/image_builder` uses this, while a stack is deployed.
"""

import hashlib
import io
import time
import zipfile
from pathlib import Path
from typing import Any

import boto3

_POLL_SECONDS = 5.0
_MARGIN_MILLISECONDS = 20_000  # to answer before the function's time is over
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file, so that the same source is the same archive


class BuildFailed(Exception):
    """The image was not built; the text says where to look."""


def provide(folders: dict[str, Path], properties: dict[str, Any], context: Any) -> dict[str, str]:
    """Upload the source in `folders` and, if a repository is named, build its image there unless it has it.

    `Dockerfile` of the properties is the path of that in the archive.

    Raises:
        BuildFailed: CodeBuild did not make it, or not in time.
    """
    archive = pack(folders)
    digest = hashlib.sha256(archive).hexdigest()[:32]
    bucket, key = properties["Bucket"], f"source-{digest}.zip"
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=archive)
    data = {"SourceUri": f"s3://{bucket}/{key}", "ImageUri": ""}
    if repository := properties.get("Repository"):
        image = data["ImageUri"] = f"{repository}:{digest}"
        if not _has_image(repository, digest):
            variables = {"IMAGE": image, "DOCKERFILE": properties["Dockerfile"]}
            _build(properties["Project"], f"{bucket}/{key}", variables, context)
    return data


def pack(folders: dict[str, Path]) -> bytes:
    """Return an archive with each folder under the name it is given; the Dockerfile is at its root too."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, folder in sorted(folders.items()):
            for path in sorted(folder.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    _write(archive, f"{name}/{path.relative_to(folder).as_posix()}", path)
                    if f"{name}/{path.name}" == "worker/Dockerfile":
                        _write(archive, "Dockerfile", path)  # where Lambda looks for that of a MicroVM
    return content.getvalue()


def _write(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.external_attr = (0o755 if path.name == "entrypoint" else 0o644) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, path.read_bytes())


def _has_image(repository: str, tag: str) -> bool:
    registry = boto3.client("ecr")
    name = repository.partition("/")[2]
    try:
        registry.describe_images(repositoryName=name, imageIds=[{"imageTag": tag}])
    except registry.exceptions.ImageNotFoundException:
        return False
    return True


def _build(project: str, location: str, variables: dict[str, str], context: Any) -> None:
    codebuild = boto3.client("codebuild")
    started = codebuild.start_build(
        projectName=project,
        sourceLocationOverride=location,
        environmentVariablesOverride=[{"name": name, "value": text} for name, text in variables.items()],
    )
    build_id = started["build"]["id"]
    while context.get_remaining_time_in_millis() > _MARGIN_MILLISECONDS:
        (build,) = codebuild.batch_get_builds(ids=[build_id])["builds"]
        if build["buildStatus"] == "SUCCEEDED":
            return
        if build["buildStatus"] != "IN_PROGRESS":
            raise BuildFailed(f"build {build_id} ended as {build['buildStatus']}; its log stream is image/…")
        time.sleep(_POLL_SECONDS)
    raise BuildFailed(f"build {build_id} was not over in time; give WorkerImage, or deploy again")


def empty(bucket: str) -> None:
    """Delete what is in the bucket: CloudFormation deletes only an empty one."""
    s3 = boto3.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        if found := page.get("Contents"):
            s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": one["Key"]} for one in found]})


def terminate_microvms(image: str, context: Any) -> None:
    """Terminate what runs of a MicroVM image, and wait for its end: until then the image cannot be deleted.

    Raises:
        BuildFailed: some have not ended in time.
    """
    microvms = boto3.client("lambda-microvms")
    while context.get_remaining_time_in_millis() > _MARGIN_MILLISECONDS:
        pages = microvms.get_paginator("list_microvms").paginate(imageIdentifier=image)
        running = [one for page in pages for one in page["items"] if one["state"] != "TERMINATED"]
        if not running:
            return
        for one in running:
            if one["state"] != "TERMINATING":
                microvms.terminate_microvm(microvmIdentifier=one["microvmId"])
        time.sleep(_POLL_SECONDS)
    raise BuildFailed("some MicroVMs have not ended in time; delete the stack again")
