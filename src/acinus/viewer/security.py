"""Who may talk to the server: checked on every request, before anything else looks at it.

The page shows patients' tissue, so a web page open in another tab must not be able to read or write here.
Host names other than ours are refused (DNS rebinding), so are requests that another site started (CSRF);
the answers forbid being framed, embedded or running any script but our own files.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["CONTENT_SECURITY_POLICY", "Guard", "allowed_host_names", "is_exposed", "is_loopback"]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_COOKIE = "acinus_token"
_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to `host`.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_exposed(host: str, public_name: str | None) -> bool:
    """Whether others than this machine can reach a server: at its address, or through what passes them on.

    Examples
    --------
    >>> is_exposed("127.0.0.1", None), is_exposed("127.0.0.1", "lab.example"), is_exposed("0.0.0.0", None)
    (False, True, True)
    """
    return public_name is not None or not is_loopback(host)


def allowed_host_names(host: str, public_name: str | None = None) -> frozenset[str]:
    """Return the names under which a server bound to `host` may be addressed."""
    names = _LOOPBACK_NAMES | {host.lower()} | ({public_name.lower()} if public_name else set())
    if is_loopback(host):
        return names
    return names | {socket.gethostname().lower(), socket.getfqdn().lower()}


class Guard:
    """Wraps the application; refuses what is not for it and puts the security headers on every answer.

    Parameters
    ----------
    app : ASGI application
    host : str
        Address the server is bound to.
    token : str or None
        What a browser must know; given once as ``/?token=…`` it is kept in a cookie that scripts cannot read.
    public_name : str, optional
        Name under which a container's host or a proxy passes requests on.
    """

    def __init__(self, app: ASGIApp, *, host: str, token: str | None, public_name: str | None = None) -> None:
        self._app = app
        self._names = allowed_host_names(host, public_name)
        # A literal address cannot be rebound by a hostile name server.
        self._literal_addresses = not is_loopback(host)
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse or pass on one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no web sockets here
            return
        answer = self._refusal(scope)
        await (answer or self._app)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if not self._knows_host(headers.getlist("host")):
            return PlainTextResponse("This server does not answer under that host name.\n", 400)
        if not _same_site(headers, scope["path"]):
            return PlainTextResponse("Requests from other sites are refused.\n", 403)
        if self._token is None:
            return None
        request = Request(scope)
        if _equal(_offered(headers), self._token):
            return None
        if scope["path"] == "/" and _equal(request.query_params.get("token", ""), self._token):
            return self._welcome(scope)
        return PlainTextResponse(
            "A token is needed: open the full link that acinus view printed.\n",
            401,
            headers={"www-authenticate": "Bearer"},
        )

    def _welcome(self, scope: Scope) -> Response:
        """Keep the token in a cookie and take it out of the address bar."""
        rest = [(k, v) for k, v in parse_qsl(scope["query_string"].decode("latin-1")) if k != "token"]
        answer = RedirectResponse("/" + (f"?{urlencode(rest)}" if rest else ""), 303)
        answer.set_cookie(_COOKIE, str(self._token), httponly=True, samesite="lax")
        return answer

    def _knows_host(self, values: list[str]) -> bool:
        if len(values) != 1:
            return False
        name = _without_port(values[0])
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._literal_addresses


def _without_port(host: str) -> str:
    """Return the name of a Host header in lower case; empty when it is malformed.

    Examples
    --------
    >>> _without_port("LocalHost:80"), _without_port("[::1]:80"), _without_port("a:b:c")
    ('localhost', '::1', '')
    """
    name, separator, port = host.strip().lower().rpartition(":")
    if not separator or host.strip().endswith("]"):
        name, port = host.strip().lower(), "0"
    if not port.isdecimal():
        return ""
    if name.startswith("[") and name.endswith("]"):
        return name[1:-1]
    return "" if ":" in name else name


def _same_site(headers: Headers, path: str) -> bool:
    """Whether our own page, or the user by hand, made a request (browsers say so; other programs may not)."""
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        # Following a link to the page itself is fine: it changes nothing and the other site cannot read it.
        followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if path != "/" or not followed:
            return False
    origin = headers.get("origin")
    return origin is None or origin in (f"http://{headers['host']}", f"https://{headers['host']}")


def _offered(headers: Headers) -> str:
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(_COOKIE)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value


def _equal(offered: str, token: str) -> bool:
    return hmac.compare_digest(offered.encode(), token.encode())


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sending
