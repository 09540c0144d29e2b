"""The hub sink: events handed over to a second hub, killed on either side."""
import json
import pathlib
import signal
import threading

from harness.case import SOURCE, HubTest
from harness.ledger import accepted_lines
from harness.process import Hub, command

QUICK = {"retry": {"base": "5ms", "cap": "50ms"}, "breaker": {"window": "300ms", "probe_every": "100ms"}}


class HubSink(HubTest):
    def second(self, consumer_filter=None):
        directory = self.directory / "second"
        directory.mkdir()
        hub = Hub(directory, self.config({
            "out": {"filter": consumer_filter or {}, "order": "conversation",
                    "sink": {"file": {"path": "./out/events.jsonl"}}}}))
        self.addCleanup(self._end, hub)
        return hub.start()

    def first(self, second, consumer=None, sources=None, start=True, **sink):
        return self.hub({"centre": {"filter": {}, "order": "conversation", **QUICK, **(consumer or {}), "sink": {"hub": {
            "url": f"{second.url}/ingest/genesys", "api_key": "${env:TEST_KEY}", **sink}}}}, start=start,
            **({"sources": sources} if sources else {}))

    def stored(self, hub):
        """All that the second hub has, in its order: (sequence, event)."""
        hub.drained("out", within=120)
        lines = [json.loads(line) for path in sorted(pathlib.Path(hub.directory, "out").glob("*.jsonl"))
                 for line in path.read_text().splitlines()]
        return sorted(((line["_sequence"], line) for line in lines), key=lambda pair: pair[0])

    def test_each_event_is_there_once_and_in_order_though_either_hub_is_killed_meanwhile(self):
        count = self.count(4_000, 20_000)
        second = self.second()
        first = self.first(second, {"batch": {"messages": 100}})
        load = threading.Thread(target=self.sim, args=(first, "sent.tsv", "--events", count, "--batch", 50, "--rate",
                                                       count // 4))
        load.start()
        for _ in range(3):
            taken = second.consumer("out")["delivered"]
            self.until(lambda: second.consumer("out")["delivered"] > taken or not load.is_alive(), "nothing arrives")
            self.assertEqual(second.kill(), -signal.SIGKILL)
            second.start()
        load.join()
        for _ in range(3):
            self.assertEqual(first.kill(), -signal.SIGKILL)
            first.start()
        first.drained("centre", within=180)
        self.assertEqual(first.consumer("centre")["dead_letters"], 0)
        stored = self.stored(second)
        ids = [event["id"] for _, event in stored]
        places = {}
        for line in accepted_lines(self.directory / "sent.tsv"):
            if line["verdict"] == "accepted":
                places[line["envelope_id"]] = int(line["sequence"])
        self.assertEqual(len(places), count)
        # The file of the second hub repeats what was written when it was killed; its log does not.
        by_sequence = {sequence: event["id"] for sequence, event in stored}
        self.assertEqual(len(by_sequence), count, "each once")
        self.assertEqual(set(ids), set(places))
        newest = {}
        for sequence, event in sorted({sequence: event for sequence, event in stored}.items()):
            lane = event["detail"]["eventBody"].get("conversationId") or event["detail"]["topicName"]
            self.assertGreater(places[event["id"]], newest.get(lane, 0), "a lane is in order")
            newest[lane] = places[event["id"]]

    def test_an_event_that_came_another_way_is_dropped(self):
        second = self.second()
        first = self.first(second)
        events = [self.make.conversation() for _ in range(20)]
        self.accepted(second.post(events), 20)
        self.accepted(first.post(events), 20)
        first.drained("centre")
        self.assertEqual(len(self.stored(second)), 20)

    def test_a_bare_notification_keeps_the_organisation_of_its_first_source(self):
        second = self.second({"orgId": ["org-of-the-edge"]})
        first = self.first(second, sources={"genesys": {**SOURCE, "kind": "genesys", "org": "org-of-the-edge"}})
        event = self.make.presence()["detail"]
        self.accepted(first.post(event))
        first.drained("centre")
        [(_, stored)] = self.stored(second)
        self.assertEqual(stored["topicName"], event["topicName"])
        done = command("replay", "--consumer", "centre", "--from", "1h", "--wait", "--url", first.url)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        first.drained("centre")
        self.assertEqual(len(self.stored(second)), 1, "a repeat is dropped")

    def test_an_outage_spends_nothing_and_a_wrong_key_is_one(self):
        second = self.second()
        first = self.first(second, {"attempts": 1}, header="x-other")
        self.accepted(first.post([self.make.conversation() for _ in range(20)]), 20)
        self.until(lambda: first.consumer("centre")["breaker"] == "open", lambda: first.consumer("centre"))
        self.first(second, {"attempts": 1}, start=False)
        first.api("POST", "/reload")
        first.drained("centre")
        self.assertEqual(first.consumer("centre")["dead_letters"], 0)
        second.stop()
        self.accepted(first.post([self.make.conversation() for _ in range(20)]), 20)
        self.until(lambda: first.consumer("centre")["breaker"] == "open", lambda: first.consumer("centre"))
        second.start()
        first.drained("centre")
        self.assertEqual(first.consumer("centre")["dead_letters"], 0)
        self.assertEqual(len(self.stored(second)), 40)

    def test_two_hubs_in_a_circle_come_to_rest(self):
        second = self.second()
        first = self.first(second)
        second.write_config(json.dumps(self.config({
            "out": {"filter": {}, "order": "conversation", "sink": {"file": {"path": "./out/events.jsonl"}}},
            "back": {"filter": {}, "order": "conversation", "sink": {"hub": {
                "url": f"{first.url}/ingest/genesys", "api_key": "${env:TEST_KEY}"}}}})))
        self.assertEqual(second.api("POST", "/reload").status, 200)
        self.accepted(first.post([self.make.conversation() for _ in range(20)]), 20)
        first.drained("centre")
        second.drained("back")
        self.assertEqual(first.consumer("centre")["delivered"], 20)
        self.assertEqual(second.consumer("back")["delivered"], 20)

    def test_a_shadow_sends_nothing_and_drains(self):
        second = self.second()
        first = self.first(second, {"shadow": True})
        self.accepted(first.post([self.make.conversation() for _ in range(5)]), 5)
        first.drained("centre")
        self.assertEqual(self.stored(second), [])
        self.assertIn("trunklineHandOver", first.api("GET", "/consumers/centre/shadow").body.decode())

    def test_check_tries_the_source_and_its_key(self):
        second = self.second()

        def tried(**sink):
            hub = self.first(second, start=False, **sink)
            done = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
            return done.returncode, done.stdout + done.stderr

        code, said = tried()
        self.assertEqual(code, 0, said)
        self.assertIn("it takes events, and the key is good", said)
        code, said = tried(header="x-other")
        self.assertNotEqual(code, 0)
        self.assertIn("correct the sink's api_key and header", said)
        code, said = tried(url=f"{second.url}/ingest/nobody")
        self.assertNotEqual(code, 0)
        self.assertIn("no source is named 'nobody'", said)
