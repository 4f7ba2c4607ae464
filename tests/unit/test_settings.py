import pytest

from mooring.settings import AwsSettings, LocalSettings, Settings, SettingsError, WorkerSettings, inherited


def test_every_wrong_variable_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        WorkerSettings.read({"MOORING_CAPACITY": "many", "MOORING_HOME": "/x", "MOORING_LEASE_SECONDS": ""})
    text = str(error.value)
    assert "MOORING_CAPACITY must be of type int" in text
    assert "MOORING_LEASE_SECONDS must be of type float" in text
    assert "MOORING_WORKER_SECRET is not set" in text
    assert "MOORING_HOME" not in text


def test_an_empty_environment_gives_the_defaults_of_the_functions() -> None:
    assert Settings.read({}) == Settings()
    assert LocalSettings.read({}).port == 8484


def test_values_are_read_as_the_type_of_their_field() -> None:
    settings = WorkerSettings.read(
        {
            "MOORING_WORKER_ID": "w",
            "MOORING_HOME": "/h",
            "MOORING_CONNECTIONS_URL": "http://c",
            "MOORING_WORKER_SECRET": "s",
            "MOORING_CAPACITY": "3",
            "MOORING_LEASE_SECONDS": "1.5",
            "MOORING_STOP_ON_STDIN_EOF": "1",
        }
    )
    assert (settings.capacity, settings.lease_seconds, settings.stop_on_stdin_eof) == (3, 1.5, True)


def test_the_emulator_s_address_comes_before_the_region_s() -> None:
    assert AwsSettings.read({"AWS_ENDPOINT_URL": "http://e"}).dynamodb_url == "http://e"
    assert (
        AwsSettings.read({"AWS_REGION": "eu-west-1"}).dynamodb_url
        == "https://dynamodb.eu-west-1.amazonaws.com"
    )


def test_only_named_variables_are_inherited() -> None:
    assert inherited(("LANG",), {"LANG": "C", "AWS_SECRET_ACCESS_KEY": "x"}) == {"LANG": "C"}


def test_sizes_may_have_a_unit() -> None:
    required = {"MOORING_HOME": "/h", "MOORING_CONNECTIONS_URL": "c", "MOORING_WORKER_SECRET": "s"}
    settings = WorkerSettings.read({**required, "MOORING_CHILD_MEMORY_BYTES": "512MiB"})
    assert settings.child_memory_bytes == 512 * 2**20
    with pytest.raises(SettingsError, match="MOORING_CHILD_MEMORY_BYTES"):
        WorkerSettings.read({**required, "MOORING_CHILD_MEMORY_BYTES": "512MB"})
