"""Where a bucket is, by endpoint."""

import pytest

from mooring.bundle_store import BundleStore
from mooring.settings import AwsSettings, SettingsError

AWS = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}
LOCAL = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}


@pytest.mark.parametrize(
    ("variables", "url", "address"),
    [
        ({}, "s3://bundles/x/y", "https://bundles.s3.eu-west-1.amazonaws.com/x/y/0.tar.gz"),
        ({}, "s3://bundles", "https://bundles.s3.eu-west-1.amazonaws.com/0.tar.gz"),
        ({}, "s3://dotted.name/x", "https://s3.eu-west-1.amazonaws.com/dotted.name/x/0.tar.gz"),
        (LOCAL, "s3://bundles/x/", "http://127.0.0.1:4566/bundles/x/0.tar.gz"),
        ({"AWS_ENDPOINT_URL_S3": "http://s3.test/base"}, "s3://b/x", "http://s3.test/base/b/x/0.tar.gz"),
    ],
)
def test_a_bucket_is_found_by_its_host_name_at_aws_and_by_its_path_elsewhere(
    variables: dict[str, str], url: str, address: str
) -> None:
    store = BundleStore(url, AwsSettings.read({**AWS, **variables}))

    assert store.address("0").partition("?")[0] == address


@pytest.mark.parametrize("url", ["bundles", "https://bundles/x", "s3://"])
def test_what_names_no_bucket_is_no_setting(url: str) -> None:
    with pytest.raises(SettingsError, match="MOORING_BUNDLES"):
        BundleStore(url, AwsSettings.read(AWS))


def test_without_the_setting_there_is_no_store() -> None:
    assert BundleStore.configured("", AwsSettings.read(AWS)) is None
