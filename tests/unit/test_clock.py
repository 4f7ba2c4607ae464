from mooring.clock import iso8601


def test_a_moment_is_written_in_utc_with_milliseconds() -> None:
    assert iso8601(0) == "1970-01-01T00:00:00.000Z"
    assert iso8601(1_795_219_200.1239) == "2026-11-21T00:00:00.123Z"


def test_written_moments_sort_in_order_of_time() -> None:
    moments = [999_999_999.999, 1_000_000_000.0, 1_000_000_000.05, 1_795_219_200.5]
    assert sorted(map(iso8601, moments)) == [iso8601(moment) for moment in moments]
