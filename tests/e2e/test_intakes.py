"""Datadog and Microsoft Sentinel against fakes of their intakes: every bound, tokens, limits, outages."""
import gzip
import json
import os
import ssl
import threading
import urllib.parse
import zlib

from harness import node
from harness.case import HubTest
from harness.certificates import Authority
from harness.process import command
from harness.receiver import Receiver

QUICK = {"retry": {"base": "5ms", "cap": "20ms"}, "breaker": {"window": "300ms", "probe_every": "100ms"}}
KEY = "0123456789abcdef0123456789abcdef"
SECRET = "s3cr3t-of-the-application"
RULE = "dcr-0123456789abcdef"
STREAM = "Custom-GenesysEvents_CL"


def items_of(delivery):
    body = delivery.body
    if delivery.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    elif delivery.headers.get("content-encoding") == "deflate":
        body = zlib.decompress(body)
    return json.loads(body)


class Datadog(HubTest):
    def setUp(self):
        super().setUp()
        self.logs = []
        self.server = self.receiver(self.intake)

    def intake(self, delivery):
        """The documented bounds, as the intake answers them."""
        error = lambda status, **said: (status, {"content-type": "application/json"},
                                        json.dumps({"errors": [{"status": str(status), **said}]}).encode())
        if delivery.headers.get("dd-api-key") != KEY:
            return error(403, title="Forbidden")
        items = items_of(delivery)
        if len(items) > 1_000 or len(json.dumps(items)) > 5_000_000:
            return error(413, title="Request Entity Too Large")
        if any("POISON" in item["message"] for item in items):
            return error(400, title="Bad Request", detail="Invalid JSON")
        self.logs += items
        return 202, {"content-type": "application/json"}, b"{}"

    def hub_with(self, consumer=None, **sink):
        hub = self.hub({"datadog": {"filter": {}, **QUICK, "batch": {"messages": 100}, **(consumer or {}), "sink": {"datadog": {
            "url": self.server.url.removesuffix("/hook"), "api_key": "${env:DD_KEY}", **sink}}}}, env={"DD_KEY": KEY})
        self.addCleanup(lambda: self.assertNotIn(KEY, hub.child.tail(1_000_000), "the key is never logged"))
        return hub

    def sequences(self):
        return [item["trunkline"]["sequence"] for item in self.logs]

    def test_logs_arrive_and_a_bad_one_is_found(self):
        hub = self.hub_with({"attempts": 2, "paused": True}, tags=["env:test"])
        events = [self.make.conversation(note="POISON" if place == 7 else "fine") for place in range(30)]
        places = self.accepted(hub.post(events), 30)
        hub.api("POST", "/consumers/datadog/resume")
        self.until(lambda: hub.consumer("datadog")["dead_letters"] == 1, lambda: hub.consumer("datadog"))
        hub.drained("datadog")
        self.assertCountEqual(self.sequences(), [place for at, place in enumerate(places) if at != 7])
        one = next(item for item in self.logs if item["trunkline"]["sequence"] == places[0])
        self.assertEqual(json.loads(one["message"])["id"], events[0]["id"])
        self.assertEqual((one["ddsource"], one["ddtags"], one["service"]), ("genesys", "env:test", "genesys-cloud"))
        self.assertEqual(one["timestamp"], events[0]["detail"]["eventBody"]["eventTime"])

    def test_datadogs_own_client_takes_the_fake_for_the_intake(self):
        node.modules(self, "vendors")
        log = lambda number, message="fine": {"message": message, "ddsource": "genesys", "ddtags": "env:test", "hostname": "h",
                                              "service": "genesys-cloud", "trunkline": {"sequence": number}}
        requests = [{"logs": [log(0)]}, {"logs": [log(1)], "encoding": "gzip"}, {"logs": [log(2)], "encoding": "deflate"},
                    {"logs": [log(3)], "api_key": "wrong-key"}, {"logs": [log(4, "POISON")]}, {"logs": [log(5)] * 1_001}]
        said = node.run(self, "datadog_submit.mjs", {"url": self.server.url.removesuffix("/hook"), "requests": [
            {"api_key": KEY, **request} for request in requests]}, folder="vendors", timeout=300)
        self.assertEqual(said[:3], [None, None, None])
        self.assertEqual([(failed["status"], failed["errors"][0]["status"]) for failed in said[3:]], [(403, "403"), (400, "400"), (413, "413")])
        self.assertEqual(self.logs, [log(0), log(1), log(2)])
        self.assertEqual({one.path for one in self.server.deliveries()}, {"/api/v2/logs"}, "where the hub sends, too")

    def test_an_outage_a_limit_and_a_refused_key_spend_nothing(self):
        answers = [(500,), (503,), (429, {"retry-after": "0"}), (403, {}, KEY.encode()), (413,), (302, {"location": "http://x"}),
                   (200, {"content-type": "text/html"}, b"<html>")]
        lock = threading.Lock()

        def decide(delivery):
            with lock:
                return answers.pop(0) if answers else self.intake(delivery)

        self.server.change(decide)
        hub = self.hub_with({"paused": True})
        places = self.accepted(hub.post([self.make.conversation() for _ in range(40)]), 40)
        hub.api("POST", "/consumers/datadog/resume")
        hub.drained("datadog")
        self.assertEqual(answers, [])
        self.assertCountEqual(self.sequences(), places)
        self.assertEqual(hub.consumer("datadog")["dead_letters"], 0)

    def test_check_tries_the_key(self):
        hub = self.hub_with()
        hub.stop()
        done = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("the intake takes the key", done.stdout)
        done = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env={**hub.env, "DD_KEY": "wrong-key"})
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("correct the api_key", done.stdout + done.stderr)
        self.assertEqual(self.logs, [])


class Sentinel(HubTest):
    def setUp(self):
        super().setUp()
        self.rows, self.tokens, self.valid = [], 0, None
        self.server = self.receiver(self.service)

    def service(self, delivery):
        url = urllib.parse.urlsplit(delivery.path)
        if url.path == "/tenant-1/oauth2/v2.0/token":
            form = dict(urllib.parse.parse_qsl(delivery.body.decode()))
            if form != {"grant_type": "client_credentials", "client_id": "app-1", "client_secret": SECRET,
                        "scope": "https://monitor.azure.com/.default"}:
                return 401, {"content-type": "application/json"}, b'{"error":"invalid_client"}'
            self.tokens += 1
            self.valid = f"token-{self.tokens}-0123456789"
            return 200, {"content-type": "application/json"}, json.dumps(
                {"token_type": "Bearer", "expires_in": 3599, "access_token": self.valid}).encode()
        if delivery.headers.get("authorization") != f"Bearer {self.valid}":
            return 401, {}, b'{"error":{"code":"InvalidToken"}}'
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path != f"/dataCollectionRules/{RULE}/streams/{STREAM}" or query != {"api-version": "2023-01-01"}:
            return 404, {}, b'{"error":{"code":"NotFound"}}'
        body = delivery.body
        if delivery.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if len(body) > 1_048_576:
            return 413, {}, b'{"error":{"code":"ContentLengthLimitExceeded"}}'
        self.rows += json.loads(body)
        return 204,

    def hub_with(self, consumer=None, **sink):
        address = self.server.url.removesuffix("/hook")
        hub = self.hub({"sentinel": {"filter": {}, **QUICK, "batch": {"messages": 100}, **(consumer or {}), "sink": {"sentinel": {
            "endpoint": address, "rule": RULE, "stream": STREAM, "tenant": "tenant-1", "client_id": "app-1",
            "client_secret": "${env:SECRET}", "authority": address, **sink}}}}, env={"SECRET": SECRET})
        self.addCleanup(lambda: self.assertNotIn(SECRET, hub.child.tail(1_000_000), "the secret is never logged"))
        return hub

    def test_rows_arrive_with_one_token_and_another_after_it_is_refused(self):
        hub = self.hub_with()
        events = [self.make.conversation() for _ in range(50)]
        places = self.accepted(hub.post(events), 50)
        hub.drained("sentinel")
        self.assertCountEqual([row["Sequence"] for row in self.rows], places)
        self.assertEqual(self.tokens, 1, "one request for all who wait")
        row = next(row for row in self.rows if row["Sequence"] == places[0])
        self.assertEqual((row["EventId"], row["Category"]), (events[0]["id"], "conversation"))
        self.assertEqual({name: row["Event"][name] for name in events[0]}, events[0])
        self.valid = "revoked"
        more = self.accepted(hub.post([self.make.conversation() for _ in range(5)]), 5)
        hub.drained("sentinel")
        self.assertEqual(self.tokens, 2)
        self.assertCountEqual([row["Sequence"] for row in self.rows], places + more)
        self.assertEqual(hub.consumer("sentinel")["dead_letters"], 0)

    def test_events_near_the_bounds_are_halved_and_over_them_go_to_the_dead_letters(self):
        hub = self.hub_with({"attempts": 1, "paused": True, "batch": {"messages": 100, "bytes": "1000000"}})
        events = [self.make.conversation(note="x" * 50_000) for _ in range(25)] + [self.make.conversation(note="y" * 70_000)]
        places = self.accepted(hub.post(events), 26)
        hub.api("POST", "/consumers/sentinel/resume")
        self.until(lambda: hub.consumer("sentinel")["dead_letters"] == 1, lambda: hub.consumer("sentinel"))
        hub.drained("sentinel")
        self.assertCountEqual([row["Sequence"] for row in self.rows], places[:25])
        [letter] = hub.api("GET", "/consumers/sentinel/dead-letters").json["dead_letters"]
        self.assertEqual(letter["error_class"], "sentinel_too_long")
        self.assertFalse([one for one in self.server.deliveries() if one.status == 413], "the hub counts as the service does")

    def test_a_missing_role_a_limit_and_an_outage_spend_nothing(self):
        answers = [(403, {}, b'{"error":{"code":"OperationFailed"}}'), (429, {"retry-after": "0"}), (500,), (503,), (413,)]

        def decide(delivery):
            if answers and "/dataCollectionRules/" in delivery.path:
                return answers.pop(0)
            return self.service(delivery)

        self.server.change(decide)
        hub = self.hub_with({"paused": True, "concurrency": 1})
        places = self.accepted(hub.post([self.make.conversation() for _ in range(20)]), 20)
        hub.api("POST", "/consumers/sentinel/resume")
        hub.drained("sentinel")
        self.assertEqual(answers, [])
        self.assertCountEqual([row["Sequence"] for row in self.rows], places)
        self.assertEqual(hub.consumer("sentinel")["dead_letters"], 0)

    def test_microsofts_own_client_takes_the_fake_for_the_service(self):
        node.modules(self)
        authority = Authority(self.directory)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*authority.issue("server"))
        server = Receiver(self.service, tls=context)
        self.addCleanup(server.close)
        address = server.url.removesuffix("/hook")

        def upload(rows, **wish):
            return node.run(self, "sentinel_upload.mjs", {
                "endpoint": address, "authority": address, "tenant": "tenant-1", "client_id": "app-1", "client_secret": SECRET,
                "rule": RULE, "stream": STREAM, "rows": rows, **wish},
                env={**os.environ, "NODE_EXTRA_CA_CERTS": str(authority.certificate)})["failed"]

        rows = [{"TimeGenerated": "2026-03-02T14:00:00Z", "Sequence": number, "Event": {"x": "y" * 400_000}} for number in range(5)]
        self.assertIsNone(upload(rows))
        self.assertCountEqual([row["Sequence"] for row in self.rows], range(5))
        self.assertEqual(self.tokens, 1)
        self.assertIn("404", upload(rows[:1], stream="Custom-Other_CL"))
        self.assertIn("invalid_client", upload(rows[:1], client_secret="wrong"))

    def test_check_gets_a_token_and_tries_rule_and_stream(self):
        for sink, good, said in (({}, True, "token, rule and stream accepted"),
                                 ({"stream": "Custom-Other_CL"}, False, "immutable id"),
                                 ({"client_id": "app-2"}, False, "invalid_client")):
            hub = self.hub_with(**sink)
            hub.stop()
            done = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
            self.assertEqual(done.returncode == 0, good, done.stdout + done.stderr)
            self.assertIn(said, done.stdout + done.stderr)
        self.assertEqual(self.rows, [])
