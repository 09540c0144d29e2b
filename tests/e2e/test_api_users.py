"""Users of the administration API: Basic authorization by curl, by the commands, and by a scraper's own library."""
import subprocess
import urllib.request

from harness.case import HubTest
from harness.events import text
from harness.process import command, request

PASSWORDS = {"OLD": "old pass:word", "NEW": "nëw-password", "KEY": "a-key"}
WORD = {"user": "ops", "password": ["${env:OLD}", "${env:NEW}", {"key": "gone", "until": "2020-01-01"}]}


class ApiUsers(HubTest):
    def curl(self, hub, path, *arguments):
        """The status, with the answer behind it."""
        done = subprocess.run(["curl", "-sS", "-m", "20", "-w", "\n%{http_code}", *arguments, f"{hub.url}{path}"],
                              capture_output=True, timeout=30, check=True)
        body, status = done.stdout.decode().rsplit("\n", 1)
        return int(status), body

    def status(self, hub, path, *arguments):
        return self.curl(hub, path, *arguments)[0]

    def test_curl_with_a_user_while_a_password_changes(self):
        hub = self.hub({"crm": {"order": "conversation"}}, api={"users": WORD, "keys": "${env:KEY}"}, env=PASSWORDS)
        for user, status in (("ops:old pass:word", 200), ("ops:nëw-password", 200), ("ops:gone", 401), ("ops:guessed", 401),
                             ("nobody:old pass:word", 401), ("ops:", 401)):
            for path in ("/api/v1/status", "/metrics", "/api/v1/consumers/crm"):
                self.assertEqual(self.status(hub, path, "-u", user), status, (path, user))
        self.assertEqual(self.status(hub, "/api/v1/consumers/crm/pause", "-u", "ops:nëw-password", "-X", "POST"), 200)
        self.assertTrue(request(hub.address, "GET", "/api/v1/consumers/crm", None, {"x-api-key": "a-key"}).json["paused"])
        # curl offers credentials only after the challenge here.
        self.assertEqual(self.status(hub, "/api/v1/status", "--anyauth", "-u", "ops:nëw-password"), 200)
        challenge = request(hub.address, "GET", "/api/v1/status").headers["www-authenticate"]
        self.assertEqual(challenge, 'Basic realm="trunkline", charset="UTF-8", Bearer')

        config = self.config({"crm": {"order": "conversation"}}, api={"users": {"user": "ops", "password": "${env:NEW}"}})
        hub.write_config(config)
        done = command("reload", "--url", hub.url, "--user", "ops:nëw-password")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.status(hub, "/api/v1/status", "-u", "ops:old pass:word"), 401)
        self.assertEqual(self.status(hub, "/api/v1/status", "-H", "x-api-key: a-key"), 401)
        self.assertEqual(self.status(hub, "/api/v1/status", "-u", "ops:nëw-password"), 200)
        for secret in ("old pass:word", "nëw-password", "guessed", "a-key"):
            self.assertNotIn(secret, hub.child.tail() + done.stdout)

    def test_commands_and_scrapers_come_as_a_user(self):
        hub = self.hub({"crm": {}}, api={"users": WORD}, env=PASSWORDS)
        clean = {"TRUNKLINE_URL": hub.url, "TRUNKLINE_API_KEY": "", "TRUNKLINE_API_USER": ""}
        self.assertEqual(command("status", env={**clean, "TRUNKLINE_API_USER": "ops:old pass:word"}).returncode, 0)
        refused = command("status", env=clean)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("--user", refused.stderr)
        manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        manager.add_password(None, hub.url, "ops", "old pass:word")
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
        with opener.open(f"{hub.url}/metrics", timeout=20) as answer:  # answers the challenge by itself
            self.assertIn(b"trunkline_", answer.read())

    def test_a_page_of_another_site_cannot_use_what_the_browser_keeps(self):
        hub = self.hub({"crm": {}}, api={"users": WORD}, env=PASSWORDS)
        pause, user = "/api/v1/consumers/crm/pause", ("-X", "POST", "-u", "ops:old pass:word")
        self.assertEqual(self.status(hub, pause, *user, "-H", "Origin: https://evil.example"), 401)
        self.assertEqual(self.status(hub, pause, *user, "-H", "Sec-Fetch-Site: cross-site"), 401)
        status, body = self.curl(hub, "/api/v1/consumers/crm", "-u", "ops:old pass:word")
        self.assertEqual((status, '"paused":true' in body), (200, False))
        self.assertEqual(self.status(hub, pause, *user, "-H", f"Origin: {hub.url}"), 200)

    def test_a_page_of_another_site_cannot_post_to_a_source_without_a_key(self):
        hub = self.hub({"all": {"filter": {}}}, sources={"open": {"kind": "genesys"}})
        body = ("-H", "Content-Type: text/plain", "--data-binary", text(self.make.conversation()).decode())
        for page in ("Origin: https://evil.example", "Sec-Fetch-Site: cross-site", "Origin: null"):
            self.assertEqual(self.status(hub, "/ingest/open", *body, "-H", page), 401, page)
        led_here = ("-H", "Host: evil.example:8080", "-H", "Origin: http://evil.example:8080")
        self.assertEqual(self.status(hub, "/ingest/open", *body, *led_here), 401)
        self.assertEqual(self.status(hub, "/ingest/open", *body), 200)
        self.assertEqual(self.status(hub, "/ingest/open", *body, "-H", "Host: relay.internal"), 200)
        self.assertIn("trunkline_ingest_unauthenticated_total", self.curl(hub, "/metrics")[1])
