import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint

from mooring.keys import OF_ROLE, Principal
from mooring.rate_limits import Allowance, LimitRate, RateLimits
from mooring.settings import SettingsError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_key_has_a_minute_s_requests_at_once_and_then_one_at_a_time() -> None:
    clock = Clock()
    limits = RateLimits(6, clock)
    assert [limits.take("ada").remaining for _ in range(6)] == [5, 4, 3, 2, 1, 0]
    assert limits.take("ada") == Allowance(False, 0, 10)
    clock.now += 9.5
    assert limits.take("ada") == Allowance(False, 0, 1)
    clock.now += 0.5
    assert limits.take("ada") == Allowance(True, 0, 60)
    clock.now += 3600
    assert limits.take("ada") == Allowance(True, 5, 10)


def test_each_key_has_its_own() -> None:
    limits = RateLimits(1, Clock())
    assert [limits.take(key).is_allowed for key in ("ada", "eve", "ada")] == [True, True, False]


def test_keys_without_number_do_not_take_memory_without_end() -> None:
    limits = RateLimits(1, Clock())
    for number in range(10_001):
        limits.take(str(number))
    assert len(limits._buckets) == 1


@pytest.mark.parametrize("number", [0, -1])
def test_a_limit_that_allows_nothing_is_a_wrong_setting(number: int) -> None:
    with pytest.raises(SettingsError, match="MOORING_KEY_REQUESTS_PER_MINUTE"):
        RateLimits(number)


@pytest.fixture
def client() -> TestClient:
    """An app for whom the header X-Key is who calls."""
    app = FastAPI()

    @app.get("/")
    def answer() -> str:
        return "yes"

    async def identify(request: Request, call_next: RequestResponseEndpoint) -> Response:
        if "x-key" in request.headers:
            request.state.principal = Principal("p", OF_ROLE["client"], request.headers["x-key"])
        return await call_next(request)

    app.add_middleware(LimitRate, limits=RateLimits(2, Clock()))
    app.add_middleware(BaseHTTPMiddleware, dispatch=identify)
    return TestClient(app)


def test_every_answer_says_what_is_left(client: TestClient) -> None:
    headers = client.get("/", headers={"X-Key": "k"}).headers
    assert headers["RateLimit-Policy"] == '"key";q=2;w=60'
    assert headers["RateLimit"] == '"key";r=1;t=30'
    assert client.get("/nothing", headers={"X-Key": "k"}).headers["RateLimit"] == '"key";r=0;t=60'


def test_who_asks_too_often_is_told_when_to_come_back(client: TestClient) -> None:
    for _ in range(2):
        assert client.get("/", headers={"X-Key": "k"}).status_code == 200
    refused = client.get("/", headers={"X-Key": "k"})
    assert (refused.status_code, refused.json()["error"]) == (429, "LimitReached")
    assert refused.headers["Retry-After"] == "30"
    assert refused.headers["RateLimit"] == '"key";r=0;t=30'
    assert client.get("/", headers={"X-Key": "other"}).status_code == 200


def test_what_needs_no_key_is_not_counted(client: TestClient) -> None:
    for _ in range(3):
        answer = client.get("/")
        assert (answer.status_code, "RateLimit" in answer.headers) == (200, False)
