"""Who may use the server: keys, hosts, pages of other sites; and headers that protect browsers."""

import pytest

from tests.serving.serving import serve
from textgen.errors import UsageError
from textgen.serving.security import Policy, make_policy

KEY = "a secret: 1"
ORIGIN = "https://example.org"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def guarded(served_models):
    """A server with a key, which pages of one other site may use."""
    with serve({"letters": served_models["letters"]}, key=KEY, origins=[ORIGIN]) as running:
        yield running


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", f"Basic {KEY}", f"Bearer {KEY}x", "Bearer \xff\xfe"]
)
@pytest.mark.parametrize("path", ["/v1/models", "/v1/completions", "/metrics", "/anything"])
def test_without_the_key_there_is_nothing(guarded, given, path):
    headers = {"Authorization": given.encode("utf-8")}
    for method in ("GET", "POST"):
        answer = guarded.client.request(method, path, headers=headers)
        assert code(answer) == (401, "invalid_api_key")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_with_the_key_requests_are_answered(guarded):
    headers = {"Authorization": f"bearer {KEY}".encode()}
    assert guarded.client.get("/v1/models", headers=headers).status_code == 200
    for path in ("/health", "/openapi.json"):  # open
        assert guarded.client.get(path, headers={"Authorization": ""}).status_code == 200


def test_the_key_is_never_written(guarded):
    guarded.client.get(f"/v1/models?key={KEY}")
    assert KEY not in "\n".join(guarded.lines)
    assert "secr" not in repr(guarded.server._policy)


def test_other_names_of_the_server_are_refused(server):
    port = server.client.base_url.port
    for host in (f"localhost:{port}", "127.0.0.1", f"[::1]:{port}", "LOCALHOST"):
        assert server.client.get("/health", headers={"Host": host}).status_code == 200
    for host in ("evil.example", f"evil.example:{port}", "localhost.evil.example", ""):
        assert code(server.client.get("/health", headers={"Host": host})) == (403, "host")


def test_pages_of_other_sites_are_refused(server):
    own = str(server.client.base_url).rstrip("/")
    ask = {"prompt": "abc", "model": "letters", "max_tokens": 1}
    for origin, status in ((own, 200), ("https://evil.example", 403), ("null", 403)):
        answer = server.client.post("/v1/completions", json=ask, headers={"Origin": origin})
        assert answer.status_code == status
        assert "access-control-allow-origin" not in answer.headers


def test_bodies_that_browsers_send_without_asking_are_refused(server):
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = server.client.post(
            "/v1/completions", content=b'{"model": "letters"}', headers={"Content-Type": kind}
        )
        assert answer.status_code == 415


def test_pages_of_an_allowed_site_may_ask(guarded):
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
        "Authorization": "",
    }
    answer = guarded.client.options("/v1/completions", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    answer = guarded.client.get("/v1/models", headers={"Origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["vary"] == "Origin"
    answer = guarded.client.get("/v1/models", headers={"Origin": ORIGIN, "Authorization": ""})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == ORIGIN  # so that the page sees it
    headers["Origin"] = "https://example.org.evil.example"
    assert guarded.client.options("/v1/completions", headers=headers).status_code == 403


@pytest.mark.parametrize("path", ["/health", "/nothing", "/v1/models"])
def test_every_answer_has_headers_that_protect_browsers(server, path):
    headers = server.client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/..%2f..%2fetc%2fpasswd",
        "/../../etc/passwd",
        "/v1/models//etc/passwd",
        "//etc/passwd",
        "/%00",
    ],
)
def test_no_path_names_a_file(server, path):
    assert server.client.get(path).status_code == 404


def test_no_model_name_is_a_directory(server, served_models):
    answer = server.post(model=str(served_models["letters"]), prompt="abc")
    assert answer.status_code == 404


def test_others_need_a_key():
    with pytest.raises(UsageError, match="TEXTGEN_API_KEY"):
        make_policy("0.0.0.0", "0.0.0.0", None, [], no_key=False)
    assert make_policy("0.0.0.0", "0.0.0.0", None, [], no_key=True) == Policy()
    assert make_policy("::", "::", "k", [], no_key=False).key == b"k"
    assert make_policy("127.0.0.1", "box", None, [], no_key=False).hosts == frozenset(
        {"localhost", "127.0.0.1", "::1", "box"}
    )


@pytest.mark.parametrize("key", ["", " ", "a ", "a\nb", "clé"])
def test_a_key_that_no_client_can_send_is_refused(key):
    with pytest.raises(UsageError, match="the key must"):
        make_policy("127.0.0.1", "127.0.0.1", key, [], no_key=False)


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "example.org",
        "https://",
        "https://example.org/",
        "https://a@b",
        "https://[",
        "HTTPS://A",
    ],
)
def test_what_is_no_origin_is_refused(origin):
    with pytest.raises(UsageError, match="is not an origin"):
        make_policy("127.0.0.1", "127.0.0.1", None, [origin], no_key=False)
