"""`trunkline names`: the names of users and queues from Genesys's Platform API, as a names file."""
import base64
import json
import unittest
import urllib.parse

from harness.case import HubTest, http_sink
from harness.process import command

SECRET = "s3cret-of-the-client"


class Genesys:
    """Token endpoint and two lists, as Genesys documents them."""

    def __init__(self, users, queues):
        self.lists = {"/api/v2/users": users, "/api/v2/routing/queues": queues}
        self.busy = 1  # requests that are answered 429 first
        self.tokens = 0
        self.forbidden = None

    def __call__(self, request):
        path, _, query = request.path.partition("?")
        if path == "/oauth/token":
            wanted = "Basic " + base64.b64encode(f"client-1:{SECRET}".encode()).decode()
            if request.headers.get("authorization") != wanted:
                return 400, {}, b'{"error":"invalid_client","description":"client not found or invalid client"}'
            self.tokens += 1
            return 200, {}, b'{"access_token":"token-1","token_type":"bearer","expires_in":86399}'
        if request.headers.get("authorization") != "Bearer token-1":
            return 401, {}, b"{}"
        if path == self.forbidden:
            return 403, {}, b'{"code":"missing.permissions"}'
        if self.busy:
            self.busy -= 1
            return 429, {"Retry-After": "1"}, b"{}"
        asked = urllib.parse.parse_qs(query)
        size, number = int(asked["pageSize"][0]), int(asked["pageNumber"][0])
        items = self.lists[path]
        page = {"entities": items[(number - 1) * size:number * size], "pageSize": size, "pageNumber": number,
                "total": len(items), "pageCount": -(-len(items) // size)}
        return 200, {}, json.dumps(page).encode()


class Names(HubTest):
    def setUp(self):
        super().setUp()
        self.genesys = Genesys([{"id": f"user-{i}", "name": f"Ada {i} Ünïcode"} for i in range(250)],
                               [{"id": "queue-1", "name": "Sales"}])
        self.server = self.receiver(self.genesys)
        self.file = self.directory / "names.json"

    def names(self, *arguments, secret=SECRET, url=None):
        url = url or self.server.url.removesuffix("/hook").removesuffix("/hook")
        return command("names", "--api-url", url, "--login-url", url, "--client-id", "client-1", "-o", self.file, *arguments,
                       env={"GENESYSCLOUD_OAUTHCLIENT_SECRET": secret}, timeout=120)

    def test_the_file_has_all_names_and_events_get_them(self):
        done = self.names("--json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(json.loads(done.stdout), {"file": str(self.file), "users": 250, "queues": 1})
        self.assertEqual(json.loads(self.file.read_text()), {
            **{f"user-{i}": f"Ada {i} Ünïcode" for i in range(250)}, "queue-1": "Sales"})
        self.assertEqual(self.genesys.tokens, 1)
        receiver = self.receiver()
        hub = self.hub({"crm": {"sink": http_sink(receiver.url)}}, names={"file": str(self.file)})
        self.accepted(hub.post(self.make.presence(user="user-7")))
        self.until(lambda: receiver.deliveries(), "nothing is delivered")
        self.assertEqual(json.loads(receiver.deliveries()[0].body)["_userName"], "Ada 7 Ünïcode")

    def test_what_goes_wrong_is_said_with_the_way_out_and_the_old_file_stays(self):
        self.file.write_text('{"user-1": "before"}')
        wrong = self.names(secret="wrong-secret")
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("invalid_client", wrong.stderr)
        self.genesys.forbidden = "/api/v2/routing/queues"
        denied = self.names()
        self.assertEqual(denied.returncode, 1)
        self.assertIn("routing:queue:view", denied.stderr)
        nobody = command("names", "--region", "mypurecloud.de", "--client-id", "x", env={"GENESYSCLOUD_OAUTHCLIENT_SECRET": ""})
        self.assertEqual(nobody.returncode, 2)
        self.assertIn("GENESYSCLOUD_OAUTHCLIENT_SECRET", nobody.stderr)
        self.assertEqual(self.file.read_text(), '{"user-1": "before"}')
        for said in (wrong, denied, nobody):
            for secret in (SECRET, "wrong-secret", "token-1"):
                self.assertNotIn(secret, said.stdout + said.stderr)


if __name__ == "__main__":
    unittest.main()
