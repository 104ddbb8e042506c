"""A small OpenID Connect issuer on loopback: real HTTP, real signatures, and levers for what a bad one might do.

It signs with an RSA key of its own, checks PKCE, redirect address and client secret, and gives each code once.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import socket
import time
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "cubano", "a secret of the issuer"


class Issuer:
    """`person` are the claims of whoever sits at its page; `levers` change the next ID tokens."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.published = [self.key]
        self.person: dict[str, Any] = {}
        self.levers: dict[str, Any] = {}
        self.described: dict[str, Any] = {}
        self.away = False
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.asked.append(scope["path"])
        status, answer = (503, {}) if self.away else self._answer(scope, body.decode())
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
        )
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def _answer(self, scope, body: str) -> tuple[int, dict[str, Any]]:
        match scope["path"]:
            case "/.well-known/openid-configuration":
                ways = ("authorize", "authorization_endpoint"), ("token", "token_endpoint"), ("keys", "jwks_uri")
                return 200, {"issuer": self.url, **{name: f"{self.url}/{path}" for path, name in ways}} | self.described
            case "/keys":
                return 200, {"keys": [each.as_dict(private=False) for each in self.published]}
            case "/token":
                return self._redeem(dict(scope["headers"]), {k: v[0] for k, v in parse_qs(body).items()})
        return 404, {}

    def authorize(self, url: str) -> str:
        """What its page does when the person says yes: the address the browser is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert ("code", CLIENT, "S256") == (asked["response_type"], asked["client_id"], asked["code_challenge_method"])
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.url}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def _redeem(self, headers, form) -> tuple[int, dict[str, Any]]:
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        right = (
            headers.get(b"authorization", b"").decode() == f"Basic {basic}"
            and asked is not None
            and asked["code_challenge"] == challenge.rstrip(b"=").decode()
            and asked["redirect_uri"] == form.get("redirect_uri")
        )
        if not right:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "unused", "token_type": "Bearer", "id_token": self._token(asked)}

    def _token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.person}
        claims = {name: value for name, value in (claims | self.levers.get("claims", {})).items() if value is not None}
        key, header = self.levers.get("key", self.key), {"alg": "RS256", "kid": "one"} | self.levers.get("header", {})
        token = jwt.encode(header, claims, key, algorithms=[header["alg"]])
        return self.levers.get("change", lambda each: each)(token)


@asynccontextmanager
async def an_issuer():
    """Running on a free port for the length of the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    issuer = Issuer(f"http://127.0.0.1:{listener.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(issuer, log_config=None, ws="none", lifespan="off"))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:  # noqa: ASYNC110 - the server has no event to wait for
            await asyncio.sleep(0.01)
        yield issuer
    finally:
        server.should_exit = True
        await running
