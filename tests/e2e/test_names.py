"""`trunkline names`: the names of users and queues from Genesys's Platform API, as a names file."""
import json
import unittest

from harness.case import HubTest, http_sink
from harness.genesys import SECRET, Genesys
from harness.process import command


class Names(HubTest):
    def setUp(self):
        super().setUp()
        self.genesys = Genesys([{"id": f"user-{i}", "name": f"Ada {i} Ünïcode"} for i in range(250)],
                               [{"id": "queue-1", "name": "Sales"}], busy=1)
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
