"""Credentials of sources besides keys: Basic, access tokens of our own, tokens of an issuer, signatures. The other side is
curl, Python's hmac, and the libraries jose and standardwebhooks."""
import base64
import hashlib
import hmac
import json
import socket
import subprocess
import time

from harness import node
from harness.case import HubTest
from harness.events import text
from harness.key_server import KeyServer
from harness.process import request


def basic(user, password):
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token):
    return {"authorization": f"Bearer {token}"}


class SenderAuth(HubTest):
    def post(self, hub, source, headers=None, body=None):
        return hub.post(body or self.make.conversation(), source, None, headers)

    def curl(self, *arguments):
        done = subprocess.run(["curl", "-sS", "-m", "20", *arguments], capture_output=True, timeout=30, check=True)
        return done.stdout.decode()

    def test_basic_credentials_of_curl_while_a_password_changes(self):
        passwords = ["${env:TEST_KEY}", {"key": "leaving", "until": "2999-01-01"}, {"key": "gone", "until": "2020-01-01"}]
        hub = self.hub({"all": {"filter": {}}}, sources={
            "bridge": {"kind": "eventbridge", "auth": {"basic": {"user": "sender", "password": passwords}}},
            "grid": {"kind": "eventgrid", "auth": {"basic": {"user": "sender", "password": passwords}}}})
        for source, refused in (("bridge", "401"), ("grid", "503")):
            for password, status in (("test-key-1", "200"), ("leaving", "200"), ("gone", refused), ("guessed", refused)):
                answered = self.curl("-u", f"sender:{password}", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary",
                                     text(self.make.conversation()).decode(), f"{hub.url}/ingest/{source}")
                self.assertEqual(answered, status, (source, password))
        log = hub.child.tail()
        for secret in ("test-key-1", "leaving", "guessed"):
            self.assertNotIn(secret, log)

    def test_access_tokens_live_through_a_restart_and_end_with_their_secret(self):
        def sources(*secrets):
            return {"bridge": {"kind": "eventbridge", "auth": {"oauth": {"client_id": "bridge",
                                                                         "client_secret": list(secrets)}}},
                    "other": {"kind": "eventbridge", "auth": {"oauth": {"client_id": "other", "client_secret": "o" * 32}}}}

        first, second = "first-secret-of-the-bridge", "second-secret-of-the-bridge"
        hub = self.hub({"all": {"filter": {}}}, sources=sources(first))
        token = json.loads(self.curl("-u", f"bridge:{first}", "-d", "grant_type=client_credentials",
                                     f"{hub.url}/oauth/token"))
        self.assertEqual((token["token_type"], token["expires_in"]), ("Bearer", 3600))
        in_form = json.loads(self.curl("-d", "grant_type=client_credentials", "-d", "client_id=bridge", "-d",
                                       f"client_secret={first}", f"{hub.url}/oauth/token"))
        for each in (token, in_form):
            self.accepted(self.post(hub, "bridge", bearer(each["access_token"])))
        self.assertEqual(self.post(hub, "other", bearer(token["access_token"])).status, 401)
        refused = request(hub.address, "POST", "/oauth/token", "grant_type=client_credentials", basic("bridge", "wrong"))
        self.assertEqual((refused.status, refused.json["error"]), (401, "invalid_client"))

        hub.stop()
        hub.write_config(self.config({"all": {"filter": {}}}, sources(first, second)))
        hub.start()
        self.accepted(self.post(hub, "bridge", bearer(token["access_token"])))
        hub.stop()
        hub.write_config(self.config({"all": {"filter": {}}}, sources(second)))
        hub.start()
        self.assertEqual(self.post(hub, "bridge", bearer(token["access_token"])).status, 401)
        for secret in (first, second, token["access_token"]):
            self.assertNotIn(secret, hub.child.tail())

    def test_signatures_by_python_and_by_standard_webhooks(self):
        hub = self.hub({"all": {"filter": {}}}, sources={
            "plain": {"kind": "genesys", "auth": {"hmac": {
                "header": "X-Signature", "algorithm": "sha512", "content": "{x-time}.{body}", "timestamp_header": "x-time",
                "secret": ["a-secret-of-many-bytes", "another-secret-of-many"]}}},
            "github": {"kind": "genesys", "auth": {"hmac": {"preset": "github", "secret": "a-secret-of-many-bytes"}}},
            "standard": {"kind": "genesys", "auth": {"hmac": {
                "preset": "standard_webhooks", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}}})
        body = text(self.make.conversation())

        def plain(secret, seconds, signed=body):
            digest = hmac.new(secret, f"{seconds}.".encode() + signed, hashlib.sha512).hexdigest()
            return self.post(hub, "plain", {"x-signature": digest, "x-time": str(seconds)}, body).status

        now = int(time.time())
        self.assertEqual(plain(b"a-secret-of-many-bytes", now), 200)
        self.assertEqual(plain(b"another-secret-of-many", now), 200)
        self.assertEqual(plain(b"a third secret", now), 401)
        self.assertEqual(plain(b"a-secret-of-many-bytes", now - 400), 401)
        self.assertEqual(plain(b"a-secret-of-many-bytes", now, body + b" "), 401)

        digest = hmac.new(b"a-secret-of-many-bytes", body, hashlib.sha256).hexdigest()
        self.assertEqual(self.post(hub, "github", {"x-hub-signature-256": f"sha256={digest}"}, body).status, 200)
        self.assertEqual(self.post(hub, "github", {"x-hub-signature-256": digest}, body).status, 401)

        node.modules(self)
        signature = node.run(self, "sign_webhook.mjs", {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "id": "msg_1",
                                                        "seconds": now, "body": body.decode()})
        headers = {"webhook-id": "msg_1", "webhook-timestamp": str(now), "webhook-signature": signature}
        self.assertEqual(self.post(hub, "standard", headers, body).status, 200)
        self.assertEqual(self.post(hub, "standard", {**headers, "webhook-id": "msg_2"}, body).status, 401)


class SenderTokens(HubTest):
    """Tokens of an issuer, made by jose."""

    def setUp(self):
        super().setUp()
        node.modules(self)

    def source(self, server, kind="eventbridge", **jwt):
        return {"kind": kind, "auth": {"jwt": {"issuer": server.url, "audience": "api://hub", "allow_loopback": True, **jwt}}}

    def server(self, **options):
        server = KeyServer(**options)
        self.addCleanup(server.close)
        return server

    def claims(self, server, **more):
        now = int(time.time())
        return {"iss": server.url, "aud": "api://hub", "iat": now, "exp": now + 3600, "sub": "sender", **more}

    def post(self, hub, token, source="bridge"):
        return hub.post(self.make.conversation(), source, None, bearer(token))

    def test_every_algorithm_and_no_forgery(self):
        server = self.server()
        good = self.claims(server, roles=["AzureEventGridSecureWebhookSubscriber"])
        algorithms = {"k1": "RS256", "k2": "RS384", "k3": "RS512", "k4": "PS256", "k5": "ES256", "k6": "ES384"}
        valid = [{"kid": kid, "claims": good} for kid in algorithms]
        now = int(time.time())
        forged = [
            {"kid": "secret", "claims": good},
            {"kid": "k1", "alg": "none", "claims": good},
            {"kid": "k5", "claims": good, "header": {"kid": "k1"}},
            {"kid": "k5", "claims": good, "header": {"kid": "nobody"}},
            {"kid": "k5", "claims": {**good, "iss": "https://evil.example"}},
            {"kid": "k5", "claims": {**good, "aud": "another"}},
            {"kid": "k5", "claims": {**good, "exp": now - 120}},
            {"kid": "k5", "claims": {**good, "nbf": now + 120}},
            {"kid": "k5", "claims": {**good, "roles": ["Reader"]}},
            {"kid": "k5", "claims": {**good, "padding": "x" * 17000}},
        ]
        made = node.run(self, "sign_tokens.mjs", {"keys": algorithms, "tokens": valid + forged})
        server.jwks = made["jwks"]
        claims = {"roles": "AzureEventGridSecureWebhookSubscriber"}
        hub = self.hub({"all": {"filter": {}}}, sources={
            "bridge": self.source(server, claims=claims), "grid": self.source(server, "eventgrid", claims=claims),
            "given": self.source(server, jwks_url=f"{server.url}/keys")})
        for token in made["tokens"][:len(valid)]:
            for source in ("bridge", "grid", "given"):
                self.accepted(self.post(hub, token, source))
        for number, token in enumerate(made["tokens"][len(valid):]):
            self.assertEqual(self.post(hub, token).status, 401, forged[number])
            self.assertEqual(self.post(hub, token, "grid").status, 503, forged[number])
        # One character less in each part.
        head, body, signature = made["tokens"][0].split(".")
        for token in (f"{head[:-1]}.{body}.{signature}", f"{head}.{body[:-1]}.{signature}", f"{head}.{body}.{signature[:-1]}",
                      f"{head}.{body}.", f"{head}.{body}", f"{head}..{signature}"):
            self.assertEqual(self.post(hub, token).status, 401)
        self.assertNotIn(body, hub.child.tail())
        self.assertLessEqual(len(server.asked), 20, "keys are fetched at start and now and then, not per request")

    def test_without_the_key_server_senders_keep_their_events_until_it_is_back(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        claims = {"iss": url, "aud": "api://hub", "exp": int(time.time()) + 3600}
        made = node.run(self, "sign_tokens.mjs", {"keys": {"a": "RS256", "b": "ES256"}, "tokens": [
            {"kid": "a", "claims": claims}, {"kid": "b", "claims": claims}]})
        auth = {"jwt": {"issuer": url, "audience": "api://hub", "allow_loopback": True}}
        kinds = ("eventbridge", "eventgrid", "genesys")
        hub = self.hub({"all": {"filter": {}}}, sources={kind: {"kind": kind, "auth": auth} for kind in kinds})
        for kind in kinds:
            answer = self.post(hub, made["tokens"][0], kind)
            self.assertEqual((answer.status, answer.json["error"]["code"]), (503, "keys_unavailable"), kind)
            self.assertIn("retry-after", answer.headers)
        self.assertGreaterEqual(hub.metrics().get("trunkline_ingest_keys_unavailable_total"), 3)
        server = self.server(jwks={"keys": made["jwks"]["keys"][:1]}, port=port)
        self.until(lambda: self.post(hub, made["tokens"][0], "eventgrid").status == 200, "the keys are not fetched again")
        # The issuer changes its key: what it signs with the new one is taken as soon as that may be asked for.
        server.jwks = {"keys": made["jwks"]["keys"][1:]}
        self.until(lambda: self.post(hub, made["tokens"][1], "eventgrid").status == 200, "the new key is not fetched")
        self.assertEqual(self.post(hub, made["tokens"][0], "eventgrid").status, 503, "the old key was withdrawn")
        # And goes away: keys that are there go on.
        server.close()
        self.accepted(self.post(hub, made["tokens"][1], "eventgrid"))
