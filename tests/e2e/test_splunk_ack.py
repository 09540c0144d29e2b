"""Indexer acknowledgement of the Splunk sink against a fake that acknowledges late, never, or forgets its channels."""
import gzip
import json
import threading

from harness.case import HubTest

TOKEN = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
QUICK = {"retry": {"base": "5ms", "cap": "20ms"}, "breaker": {"window": "300ms", "probe_every": "100ms"}}
JSON = {"content-type": "application/json"}


class Splunk:
    """A receiver with acknowledgement: what it has taken is in `waiting` until it is asked for after `indexed()`."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next, self.waiting, self.known, self.stored, self.channels = 0, {}, set(), [], set()
        self.index_at_once = True
        self.enabled = True

    def answer(self, delivery):
        with self.lock:
            if delivery.path == "/services/collector/event":
                return self.take(delivery)
            assert delivery.path.startswith("/services/collector/ack?channel="), delivery.path
            if not self.enabled:
                return 400, JSON, b'{"text":"ACK is disabled","code":14}'
            asked = json.loads(delivery.body)["acks"]
            acks = {str(number): number in self.known for number in asked}
            self.known -= set(asked)
            return 200, JSON, json.dumps({"acks": acks}).encode()

    def take(self, delivery):
        body = delivery.body
        if delivery.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if not body:
            return 400, JSON, b'{"text":"No data","code":5}'
        self.channels.add(delivery.headers["x-splunk-request-channel"])
        number, self.next = self.next, self.next + 1
        self.waiting[number] = [int(json.loads(line)["fields"]["trunkline_sequence"]) for line in body.decode().split("\n")]
        if self.index_at_once:
            self.index()
        return 200, JSON, json.dumps({"text": "Success", "code": 0, **({"ackId": number} if self.enabled else {})}).encode()

    def index(self):
        for number in list(self.waiting):
            self.stored += self.waiting.pop(number)
            self.known.add(number)

    def indexed(self):
        with self.lock:
            self.index()

    def restart(self):
        """What was not indexed is lost, and numbers begin anew."""
        with self.lock:
            self.next, self.waiting, self.known = 0, {}, set()


class SplunkAck(HubTest):
    def setUp(self):
        super().setUp()
        self.splunk = Splunk()
        self.server = self.receiver(self.splunk.answer)

    def hub_with(self, consumer=None, **sink):
        return self.hub({"siem": {"filter": {}, **QUICK, "batch": {"messages": 50}, "adaptive": False, **(consumer or {}),
                                  "sink": {"splunk_hec": {
                                      "url": self.server.url.removesuffix("/hook"), "token": TOKEN, "ack": True,
                                      "ack_poll": "50ms", "ack_timeout": "60s", **sink}}}})

    def post(self, hub, count):
        return self.accepted(hub.post([self.make.conversation() for _ in range(count)]), count)

    def test_nothing_is_delivered_before_it_is_indexed_and_a_kill_sends_it_again(self):
        self.splunk.index_at_once = False
        hub = self.hub_with()
        places = self.post(hub, 100)
        self.until(lambda: len(self.splunk.waiting) >= 2, "nothing arrives")
        self.until(lambda: sum(one.path.startswith("/services/collector/ack") for one in self.server.deliveries()) > 3, "no question")
        self.assertEqual(hub.consumer("siem")["delivered"], 0)
        hub.kill()
        self.splunk.restart()
        hub.start()
        self.until(lambda: sum(map(len, self.splunk.waiting.values())) >= 100, lambda: self.splunk.waiting)
        self.splunk.index_at_once = True
        self.splunk.indexed()
        hub.drained("siem")
        self.assertCountEqual(self.splunk.stored, places)
        self.assertEqual(len(self.splunk.channels), 1, "one channel over restarts")

    def test_a_receiver_that_restarts_or_never_acknowledges_gets_everything_again(self):
        self.splunk.index_at_once = False
        hub = self.hub_with(ack_timeout="1s")
        places = self.post(hub, 60)
        self.until(lambda: self.splunk.waiting, "nothing arrives")
        self.splunk.restart()
        self.until(lambda: hub.consumer("siem")["breaker"] == "open", lambda: hub.consumer("siem"))
        self.splunk.index_at_once = True
        hub.drained("siem")
        self.assertEqual(set(self.splunk.stored), set(places), "none is missing")
        self.assertEqual(hub.consumer("siem")["dead_letters"], 0)

    def test_many_events_are_there_once_when_nothing_fails(self):
        hub = self.hub_with({"order": "conversation"})
        count = self.count(2_000, 20_000)
        self.sim(hub, "sent.tsv", "--events", count, "--batch", 50)
        hub.drained("siem", within=300)
        self.assertEqual(len(self.splunk.stored), count)
        self.assertEqual(len(set(self.splunk.stored)), count)

    def test_a_token_without_acknowledgement_holds_events_and_says_why(self):
        self.splunk.enabled = False
        hub = self.hub_with()
        self.post(hub, 5)
        self.until(lambda: hub.consumer("siem")["breaker"] == "open", lambda: hub.consumer("siem"))
        self.assertIn("hec_no_ack", json.dumps(hub.consumer("siem")))
        self.assertEqual(hub.consumer("siem")["delivered"], 0)
        self.splunk.enabled = True
        hub.drained("siem")
