"""Every sample of a Genesys event goes in as a sender would send it and comes out as its own bytes."""
import json

from harness import settings
from harness.case import HubTest, http_sink

# Hand-made or cut samples that are no events; everything else is.
QUARANTINED = {
    "community-body-conversation-user-end-transfer.json": "bare_event_body",
    "published-body-conversation-customer-end-allfields.json": "bare_event_body",
    "thirdparty-negative-handmade-transcription.json": "missing_member",
}
# Where the event stands inside what wraps it.
INNER = {
    "schema-eventgrid-wrapped-audit.json": lambda value: value[0]["data"]["message"],
    "schema-sqs-message-body-lambda-destination.json": lambda value: value["requestPayload"],
}


class Samples(HubTest):
    def setUp(self):
        super().setUp()
        self.sink = self.receiver()
        self.now = self.hub({"all": {"filter": {}, "sink": http_sink(self.sink.url, body="raw")}})

    def run_samples(self, files):
        sent = {}
        for file in files:
            with self.subTest(file.name):
                body = file.read_bytes()
                answer = self.now.post(body)
                self.assertEqual(answer.status, 200, answer)
                self.assertEqual(len(answer.json["results"]), 1, answer)
                reason = QUARANTINED.get(file.name)
                if reason:
                    self.assertEqual(answer.verdicts(), ["quarantined"])
                    entry = self.now.api("GET", f"/quarantine/{answer.sequences()[0]}").json
                    self.assertEqual((entry["reason"], entry["body"].encode()), (reason, body))
                    continue
                # Two samples may tell of one event: the wrapped audits are the published one.
                self.assertIn(answer.verdicts()[0], ("accepted", "duplicate", "conflict"), answer)
                if answer.verdicts()[0] != "duplicate":
                    sent[answer.sequences()[0]] = (file.name, body)
        self.until(lambda: len(self.sink.sequences()) >= len(sent), "not all samples were delivered")
        self.assertEqual(sorted(self.sink.sequences()), sorted(sent))
        for delivery in self.sink.taken():
            name, body = sent[delivery.sequences[0]]
            with self.subTest(name):
                if name in INNER:
                    self.assertIn(delivery.body, body, "the event's own bytes are cut out, not written anew")
                    self.assertEqual(json.loads(delivery.body), INNER[name](json.loads(body)))
                else:
                    self.assertEqual(delivery.body, body.strip())

    def test_the_samples_of_this_repository(self):
        files = sorted(settings.FIXTURES.glob("*.json"))
        self.assertEqual(len(files), 36)
        self.run_samples(files)

    def test_all_65_samples(self):
        files = sorted(settings.SAMPLES.glob("*.json"))
        if not files:
            self.skipTest("../shared/genesys/samples is not here")
        self.assertEqual(len(files), 65)
        self.run_samples(files)
