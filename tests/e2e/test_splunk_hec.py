"""The Splunk sink: an outage, a bad event and a request that is too large, against collectors that answer as Splunk does."""
import gzip
import json

from harness.case import HubTest

TOKEN = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
QUICK = {"retry": {"base": "5ms", "cap": "20ms"}, "breaker": {"window": "300ms", "probe_every": "100ms"}}


def answer(status, code, **more):
    return status, {"content-type": "application/json"}, json.dumps({"text": "said", "code": code, **more}).encode()


def body_of(delivery):
    return gzip.decompress(delivery.body) if delivery.headers.get("content-encoding") == "gzip" else delivery.body


def records_of(delivery):
    decoder, text, at, records = json.JSONDecoder(), body_of(delivery).decode(), 0, []
    while at < len(text):
        record, at = decoder.raw_decode(text, at)
        records.append(record)
        while at < len(text) and text[at] in "\r\n ":
            at += 1
    return records


def sequence_of(record):
    return int(record["fields"]["trunkline_sequence"])


class SplunkHec(HubTest):
    def hub_with(self, url, consumer=None, **sink):
        hub = self.hub({"siem": {"filter": {}, **QUICK, **(consumer or {}), "sink": {
            "splunk_hec": {"url": url, "token": "${env:HEC_TOKEN}", **sink}}}}, env={"HEC_TOKEN": TOKEN})
        self.addCleanup(lambda: self.assertNotIn(TOKEN, hub.child.tail(1_000_000), "the token is never logged"))
        return hub

    def splunk(self, decide):
        receiver = self.receiver(decide)
        return receiver, receiver.url.removesuffix("/hook")

    def kept(self, receiver):
        return [record for delivery in receiver.taken() for record in records_of(delivery)]

    def test_a_record_is_filed_by_its_time_and_its_fields(self):
        receiver, url = self.splunk(lambda _: answer(200, 0))
        hub = self.hub_with(url, {"order": "conversation"}, index="genesys", host="hub-1")
        event = self.make.conversation()
        [sequence] = self.accepted(hub.post(event))
        hub.drained("siem")
        [delivery] = receiver.deliveries()
        self.assertEqual(delivery.path, "/services/collector/event")
        self.assertEqual(delivery.headers["authorization"], f"Splunk {TOKEN}")
        self.assertRegex(delivery.headers["user-agent"], r"^trunkline/\d")
        self.assertRegex(delivery.headers["x-splunk-request-channel"], r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        [record] = records_of(delivery)
        body = event["detail"]["eventBody"]
        self.assertIn(f'"time":{body["eventTime"] // 1000}.{body["eventTime"] % 1000:03},', body_of(delivery).decode())
        self.assertEqual({name: record[name] for name in ("host", "index", "source", "sourcetype")},
                         {"host": "hub-1", "index": "genesys", "source": event["source"],
                          "sourcetype": "genesyscloud:analytics:conversations:details"})
        org = event["source"].split("/")[3]
        self.assertEqual(record["fields"], {
            "trunkline_sequence": str(sequence), "trunkline_consumer": "siem",
            "trunkline_lane": f"conversation/{org}/{body['conversationId']}", "eventType": event["detail-type"],
            "eventCategory": "conversation", "orgId": org, "conversationId": body["conversationId"],
            "mediaType": body["mediaType"]})
        self.assertEqual({name: record["event"][name] for name in event}, event)

    def test_an_outage_spends_nothing_and_drains_in_order(self):
        sink = self.sim_sink("siem")
        sink.control(mode="503")
        hub = self.hub_with(f"http://{sink.address}", {"order": "conversation", "concurrency": 4})
        count = self.count(2_000, 20_000)
        self.sim(hub, "sent.tsv", "--events", count, "--batch", 50)
        self.until(lambda: hub.consumer("siem")["breaker"] == "open", lambda: hub.consumer("siem"))
        sink.control(mode="ok")
        hub.drained("siem", within=300)
        self.assertEqual(hub.consumer("siem")["dead_letters"], 0)
        sink.stop()
        hub.stop()
        self.verify("sent.tsv", "siem.tsv", "--order", "conversation")

    def test_a_bad_event_is_parked_alone_and_its_neighbours_are_delivered(self):
        def decide(delivery):
            records = records_of(delivery)
            bad = [place for place, record in enumerate(records) if "POISON" in json.dumps(record)]
            return answer(400, 6, **{"invalid-event-number": bad[0]}) if bad else answer(200, 0)

        receiver, url = self.splunk(decide)
        hub = self.hub_with(url, {"order": "conversation", "paused": True}, gzip=False)
        events = [self.make.conversation(note="POISON" if place == 7 else "fine") for place in range(20)]
        places = self.accepted(hub.post(events), 20)
        hub.api("POST", "/consumers/siem/resume")
        self.until(lambda: hub.consumer("siem")["parked"] == 1, lambda: hub.consumer("siem"))
        self.until(lambda: len(self.kept(receiver)) == 19, lambda: f"{len(self.kept(receiver))} of 19 delivered")
        self.assertCountEqual([sequence_of(record) for record in self.kept(receiver)],
                              [place for place in places if place != places[7]])
        [letter] = hub.api("GET", "/consumers/siem/dead-letters").json["dead_letters"]
        self.assertEqual((letter["sequence"], letter["state"], letter["attempts"], letter["error_class"]),
                         (places[7], "parked", 5, "hec_6"))
        alone = [delivery for delivery in receiver.deliveries() if delivery.status == 400 and len(records_of(delivery)) == 1]
        self.assertEqual(len(alone), 5, "attempts are spent alone")

    def test_a_request_that_is_too_large_is_halved(self):
        receiver, url = self.splunk(lambda one: (413,) if len(records_of(one)) > 3 else answer(200, 0))
        hub = self.hub_with(url, {"paused": True})
        events = [self.make.conversation() for _ in range(40)]
        places = self.accepted(hub.post(events), 40)
        hub.api("POST", "/consumers/siem/resume")
        hub.drained("siem")
        self.assertCountEqual([sequence_of(record) for record in self.kept(receiver)], places)
        self.assertTrue(any(delivery.status == 413 for delivery in receiver.deliveries()))
        self.assertEqual(hub.consumer("siem")["dead_letters"], 0)

    def test_a_page_of_something_else_is_no_delivery(self):
        receiver, url = self.splunk(lambda _: (200, {"content-type": "text/html"}, b"<html>login</html>"))
        hub = self.hub_with(url)
        [place] = self.accepted(hub.post(self.make.conversation()))
        self.until(lambda: hub.consumer("siem")["breaker"] == "open", lambda: hub.consumer("siem"))
        receiver.change(lambda _: answer(200, 0))
        hub.drained("siem")
        self.assertEqual(sequence_of(records_of(receiver.deliveries()[-1])[0]), place)
