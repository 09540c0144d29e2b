"""Access tokens by a signed JWT: what is signed, tokens that end in the middle, and keys that are not the right ones."""
import base64
import json
import threading
import time
import urllib.parse

from harness import certificates
from harness.case import HubTest
from harness.process import command

QUICK = {"retry": {"base": "5ms", "cap": "20ms"}, "breaker": {"window": "300ms", "probe_every": "100ms", "probe_cap": "200ms"}}
JSON = {"content-type": "application/json"}
CLIENT, USER, AUDIENCE = "3MVG9-the-client", "integration@acme.example", "https://login.example"


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class TokenServer:
    """A token endpoint of RFC 7523 that believes nothing, and the API behind it. openssl verifies what was signed."""

    def __init__(self, directory, public_key):
        self.directory, self.public_key = directory, public_key
        self.lock = threading.Lock()
        self.valid, self.given, self.refusals, self.seen = None, 0, [], set()
        self.expires_in = 3600
        self.bodies, self.refused_calls = [], 0

    def __call__(self, delivery):
        with self.lock:
            return self.token(delivery) if delivery.path.endswith("/token") else self.call(delivery)

    def token(self, delivery):
        form = dict(urllib.parse.parse_qsl(delivery.body.decode()))
        why = self.wrong(form)
        if why:
            self.refusals.append(why)
            return 400, JSON, json.dumps({"error": "invalid_grant", "error_description": why}).encode()
        self.given += 1
        self.valid = f"00D!token-{self.given}-0123456789"
        return 200, JSON, json.dumps({"access_token": self.valid, "token_type": "Bearer", "expires_in": self.expires_in}).encode()

    def wrong(self, form):
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return "not this grant"
        head, claims, signature = form["assertion"].split(".")
        signed = self.directory / "signature.bin"
        signed.write_bytes(unpadded(signature))
        try:
            certificates.run("dgst", "-sha256", "-verify", self.public_key, "-signature", signed, stdin=f"{head}.{claims}".encode())
        except AssertionError:
            return "invalid signature"
        header, said, now = json.loads(unpadded(head)), json.loads(unpadded(claims)), time.time()
        if header != {"alg": "RS256", "typ": "JWT"}:
            return f"header {header}"
        if (said["iss"], said["sub"], said["aud"]) != (CLIENT, USER, AUDIENCE):
            return f"claims {said}"
        if not said["iat"] - 5 < now < said["exp"] <= said["iat"] + 180:
            return f"times {said}"
        if said["jti"] in self.seen:
            return "a replay"
        self.seen.add(said["jti"])
        return None

    def call(self, delivery):
        if delivery.headers.get("authorization") != f"Bearer {self.valid}":
            self.refused_calls += 1
            return 401, JSON, b'[{"errorCode":"INVALID_SESSION_ID"}]'
        self.bodies.append(json.loads(delivery.body)["n"])
        if self.expires_in == 0:
            self.valid = None  # once
        return 200


class JwtBearer(HubTest):
    def setUp(self):
        super().setUp()
        self.key = self.private("hub")
        self.public = self.directory / "hub.pub"
        certificates.run("rsa", "-in", self.key, "-pubout", "-out", self.public)
        self.service = TokenServer(self.directory, self.public)
        self.server = self.receiver(self.service)

    def private(self, name, *kind):
        path = self.directory / f"{name}.key"
        certificates.run("genpkey", "-out", path, *(kind or ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")))
        return path

    def consumers(self, key=None, **oauth):
        url = self.server.url.removesuffix("/hook")
        return {"crm": {"filter": {}, "order": "conversation", **QUICK, "sink": {"template": {
            "url": url + "/api/{{meta.sequence}}", "body": '{"n":"{{meta.sequence}}"}', "allow_loopback": True,
            "oauth": {"token_url": url + "/token", "grant": "jwt_bearer", "client_id": CLIENT, "subject": USER, "audience": AUDIENCE,
                      "private_key": "${file:%s}" % (key or self.key), **oauth}}}}}

    def send(self, hub, count):
        call = self.make.uuid()
        return [str(self.accepted(hub.post(self.make.conversation(call)))[0]) for _ in range(count)]

    def tried(self, hub):
        done = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
        return done.returncode, done.stdout + done.stderr

    def test_one_signed_token_serves_many_and_the_next_one_comes_when_it_is_refused(self):
        hub = self.hub(self.consumers())
        self.assertEqual(self.tried(hub)[0], 0)
        given = self.service.given
        sent = self.send(hub, 20)
        hub.drained("crm")
        self.assertEqual((self.service.given - given, self.service.refused_calls), (1, 0), "one token for all")
        self.service.valid = "revoked"
        sent += self.send(hub, 20)
        hub.drained("crm")
        self.assertEqual(self.service.bodies, sent, "each once, in order")
        self.assertEqual((self.service.given - given, self.service.refused_calls), (2, 1))
        self.assertEqual((hub.consumer("crm")["dead_letters"], self.service.refusals), (0, []))

    def test_tokens_that_end_at_once_are_got_anew_each_with_an_assertion_of_its_own(self):
        self.service.expires_in = 0
        hub = self.hub(self.consumers())
        sent = self.send(hub, 5)
        hub.drained("crm")
        self.assertEqual(self.service.bodies, sent)
        self.assertEqual((self.service.given, len(self.service.seen), self.service.refusals), (5, 5, []))

    def test_a_key_that_the_server_does_not_know_holds_everything_back_until_a_reload_brings_the_right_one(self):
        other = self.private("other")
        hub = self.hub(self.consumers(other))
        sent = self.send(hub, 3)
        self.until(lambda: hub.consumer("crm")["breaker"] != "closed", "the breaker opens")
        error = hub.consumer("crm")["last_error"]
        self.assertEqual(error["class"], "oauth")
        code, said = self.tried(hub)
        self.assertNotEqual(code, 0)
        for shown in (said, error["detail"]):
            self.assertIn("the token endpoint answers 400: invalid_grant: invalid signature", shown)
        self.assertEqual((set(self.service.refusals), self.service.bodies), ({"invalid signature"}, []))
        hub.write_config(self.config(self.consumers()))
        answer = hub.client("reload")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        hub.drained("crm")
        self.assertEqual(self.service.bodies, sent)
        self.assertEqual(hub.consumer("crm")["dead_letters"], 0)
        secret = other.read_text().splitlines()[5]
        for shown in (said, hub.child.tail(1_000_000), hub.api("GET", "/consumers").body.decode()):
            self.assertNotIn(secret, shown, "no line of a key is shown")

    def test_what_is_no_key_is_said_before_anything_is_sent(self):
        (self.directory / "no.key").write_text("-----BEGIN PRIVATE KEY-----\nbm8=\n-----END PRIVATE KEY-----\n")
        short = self.private("short", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
        curve = self.private("curve", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        locked = self.directory / "locked.key"
        certificates.run("rsa", "-in", self.key, "-aes128", "-passout", "pass:x", "-out", locked)
        for key, why in ((self.directory / "no.key", "is no PEM private key"), (short, "is no RSA key of 2048 bits or more"),
                         (curve, "is no RSA key of 2048 bits or more"), (locked, "is no PEM private key, or has a passphrase")):
            code, said = self.tried(self.hub(self.consumers(key), start=False))
            self.assertNotEqual(code, 0, key)
            self.assertIn("oauth.private_key", said)
            self.assertIn(why, said)
        consumers = self.consumers()
        del consumers["crm"]["sink"]["template"]["oauth"]["subject"]
        code, said = self.tried(self.hub(consumers, start=False))
        self.assertNotEqual(code, 0)
        self.assertIn("oauth by JWT needs a subject", said)
        self.assertEqual((self.service.given, self.service.refusals), (0, []))
