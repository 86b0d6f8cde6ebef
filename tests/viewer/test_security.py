from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from acinus.core.errors import OutputError, UsageError
from acinus.viewer import create_app
from acinus.viewer.openseadragon import VENDOR_FOLDER

STATIC = VENDOR_FOLDER.parent
SLIDE = "/api/slides/slide_2"
PAGES = ("/", "/api/slides", SLIDE, SLIDE + "/tiles/0/0_0.jpg", "/static/main.js", "/absent")


def raw_get(app: Starlette, path: str) -> tuple[int, bytes]:
    """Ask with a path exactly as given: client libraries would tidy ``..`` away before it is sent."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    anyio.run(app, scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/vendor/../../app.py",
        "/static//etc/passwd",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "//etc/passwd",
        "/../../../../etc/passwd",
        "/api/slides/../../secret.png/tiles/0/0_0.jpg",
        "/api/slides/..%2f..%2fsecret.png/tiles/0/0_0.jpg",
        "/api/slides/../tiles/0/0_0.jpg",
        "/api/slides/./tiles/0/0_0.jpg",
        "/api/slides//etc/passwd/tiles/0/0_0.jpg",
        "/api/slides/%2fetc%2fpasswd/tiles/0/0_0.jpg",
        "/api/slides/slide_2\x00/tiles/0/0_0.jpg",
        "/api/slides/slide_2/../../secret.png",
        "/api/slides/C:\\secret.png/thumbnail.jpg",
        "/api/slides/secret.png/thumbnail.jpg",
        "/api/slides/secret/thumbnail.jpg",
    ],
)
def test_no_path_leads_to_another_file(run_folder: Path, path: str) -> None:
    secret = run_folder.parent / "secret.png"
    secret.write_bytes((run_folder.parent / "images" / "slide_2.png").read_bytes())
    status, body = raw_get(create_app(run_folder), path)
    assert status == 404
    assert b"root:" not in body
    assert b"create_app" not in body


def test_absolute_paths_of_real_slides_are_no_names(run_folder: Path) -> None:
    source = run_folder.parent / "images" / "slide_2.png"
    app = create_app(run_folder)
    for name in (str(source), str(source).lstrip("/"), str(source).replace("/", "%2f"), source.name):
        assert raw_get(app, f"/api/slides/{name}/thumbnail.jpg")[0] == 404


def test_a_link_put_there_later_is_not_followed(client: TestClient, run_folder: Path) -> None:
    secret = run_folder.parent / "secret"
    (run_folder / "slide_10").rename(secret)
    (run_folder / "slide_10").symlink_to(secret)
    assert client.get("/api/slides/slide_10/glands").status_code == 404


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8000",
        "192.168.0.7",
        "",
        "localhost:x",
        "127.0.0.1:80:80",
        "user@127.0.0.1",
        "0.0.0.0",
        "[::2]",
    ],
)
def test_other_host_names_are_refused(client: TestClient, host: str) -> None:
    for page in PAGES:
        assert client.get(page, headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "LOCALHOST", "[::1]:8000"])
def test_names_of_this_machine_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/api/slides", headers={"host": host}).status_code == 200


def test_requests_that_other_sites_start_are_refused(client: TestClient) -> None:
    for headers in (
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    ):
        assert client.get(SLIDE + "/tiles/0/0_0.jpg", headers=headers).status_code == 403, headers
        assert client.put(SLIDE + "/marks/x", json={"mark": "wrong"}, headers=headers).status_code == 403
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/", headers=followed).status_code == 200  # a link to a position, in a mail say


def test_every_answer_carries_the_policy(client: TestClient) -> None:
    for page in PAGES:
        headers = client.get(page).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_the_page_has_no_inline_script_or_style_and_loads_nothing_from_elsewhere() -> None:
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)", html) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:", html) == []
    for file in STATIC.glob("*.*"):
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, file
        assert "https://" not in text, file
        assert "innerHTML" not in text, file
        assert "eval(" not in text, file


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_uploaded(client: TestClient, run_folder: Path, method: str) -> None:
    before = sorted(run_folder.rglob("*"))
    for page in ("/", "/api/slides", SLIDE, SLIDE + "/marks", "/static/main.js", SLIDE + "/tiles/0/0_0.jpg"):
        assert client.request(method, page, content=b"x").status_code == 405
    assert client.post(SLIDE + "/marks/x", json={"mark": "wrong"}).status_code == 405
    assert sorted(run_folder.rglob("*")) == before


def test_a_mark_is_small_json_of_a_known_gland(client: TestClient, run_folder: Path) -> None:
    gland = client.get(SLIDE + "/glands/0").json()["id"]
    address = f"{SLIDE}/marks/{gland}"
    as_json = {"content-type": "application/json"}
    assert client.put(address, content=b'{"mark": "wrong"}').status_code == 422  # what a form could post
    assert client.put(address, content=b"{", headers=as_json).status_code == 422
    assert client.put(address, content=b"[]", headers=as_json).status_code == 422
    assert client.put(address, json={"mark": "odd"}).status_code == 422
    assert client.put(address, content=b"[" * 5000, headers=as_json).status_code == 422
    assert client.put(SLIDE + "/marks/other", json={"mark": "wrong"}).status_code == 404
    assert client.put(SLIDE + "/marks/..%2fother", json={"mark": "wrong"}).status_code == 404
    assert not (run_folder / "slide_2" / "marks.json").exists()


def test_marks_that_cannot_be_read_or_written_are_said_in_one_line(
    client: TestClient, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gland = client.get(SLIDE + "/glands/0").json()["id"]

    def full(path: Path, value: object) -> None:
        raise OutputError(f"{path} could not be written (No space left on device)")

    with monkeypatch.context() as patch:
        patch.setattr("acinus.viewer.marks.write_json", full)
        answer = client.put(f"{SLIDE}/marks/{gland}", json={"mark": "wrong"})
    assert answer.status_code == 507
    assert "marks.json could not be written" in answer.json()["error"]

    (run_folder / "slide_2" / "marks.json").mkdir()
    answer = client.put(f"{SLIDE}/marks/{gland}", json={"mark": "wrong"})
    assert answer.status_code == 507
    assert "marks.json" in answer.json()["error"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "workstation"])
def test_another_address_needs_a_token(run_folder: Path, host: str) -> None:
    with pytest.raises(UsageError, match="token"):
        create_app(run_folder, host=host)


def test_behind_a_proxy_a_server_of_this_machine_alone_needs_a_token_too(run_folder: Path) -> None:
    with pytest.raises(UsageError, match=r"lab\.example can be reached"):
        create_app(run_folder, public_name="lab.example")


def test_the_public_name_is_answered_whatever_its_case_and_port_and_no_other(run_folder: Path) -> None:
    app = create_app(run_folder, host="0.0.0.0", token="secret", public_name="Lab.example")
    bearer = {"authorization": "Bearer secret"}
    with TestClient(app, base_url="http://lab.example:9000") as client:
        assert client.get("/api/slides", headers=bearer).status_code == 200
        assert client.get("/api/slides").status_code == 401
        same = bearer | {"origin": "http://lab.example:9000"}
        assert client.get("/api/slides", headers=same).status_code == 200
        for headers in ({"origin": "http://lab.example"}, {"origin": "http://evil.example:9000"}):
            assert client.get("/api/slides", headers=bearer | headers).status_code == 403
        for host in ("evil.example", "lab.example.evil.example", "xlab.example"):
            assert client.get("/api/slides", headers=bearer | {"host": host}).status_code == 400


def test_without_a_public_name_that_name_is_refused(run_folder: Path) -> None:
    app = create_app(run_folder, host="0.0.0.0", token="secret")
    with TestClient(app, base_url="http://lab.example:9000") as client:
        assert client.get("/api/slides", headers={"authorization": "Bearer secret"}).status_code == 400


def test_with_a_token_nothing_is_served_without_it(run_folder: Path) -> None:
    app = create_app(run_folder, host="0.0.0.0", token="secret")
    with TestClient(app, base_url="http://192.168.0.7:80", follow_redirects=False) as client:
        for page in PAGES:
            assert client.get(page).status_code == 401
            assert client.get(page + "?token=wrong").status_code == 401
            assert client.get(page, headers={"authorization": "Bearer wrong"}).status_code == 401
            assert client.get(page, headers={"cookie": "acinus_token=wrong"}).status_code == 401
        assert client.get("/api/slides?token=secret").status_code == 401  # the page's address alone takes it
        assert client.get("/api/slides", headers={"authorization": "Bearer secret"}).status_code == 200
        welcome = client.get("/?token=secret&x=1")
        assert (welcome.status_code, welcome.headers["location"]) == (303, "/?x=1")
        assert "HttpOnly" in welcome.headers["set-cookie"]
        assert client.get("/api/slides").status_code == 200  # the cookie


def test_on_another_address_literal_addresses_are_answered_but_foreign_names_are_not(
    run_folder: Path,
) -> None:
    app = create_app(run_folder, host="0.0.0.0", token="secret")
    bearer = {"authorization": "Bearer secret"}
    with TestClient(app, base_url="http://10.1.2.3") as client:
        assert client.get("/api/slides", headers=bearer).status_code == 200
        assert client.get("/api/slides", headers=bearer | {"host": "evil.example"}).status_code == 400
