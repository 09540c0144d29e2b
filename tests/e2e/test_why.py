"""The question at 3 a.m.: where is this event, and why."""
from harness import events
from harness.case import HubTest, http_sink

RETRY = {"retry": {"base": "5ms", "cap": "20ms"}, "breaker": {"window": "300ms"}}


class Why(HubTest):
    def why(self, hub, what):
        answer = hub.api("GET", f"/why/{what}")
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def one(self, hub, what, consumer):
        [event] = self.why(hub, what)["events"]
        [found] = [each for each in event["consumers"] if each["consumer"] == consumer]
        return found

    def reload(self, hub, consumers):
        hub.write_config(self.config(consumers))
        done = hub.client("reload")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def told(self, hub, *arguments):
        done = hub.client("why", *arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_delivered_filtered_and_duplicate(self):
        sink = self.receiver()
        consumers = {"crm": {"filter": {"eventCategory": ["conversation"]}, "sink": http_sink(sink.url)},
                     "audits": {"filter": {"eventCategory": ["audit", "security"]}, "sink": http_sink(sink.url)}}
        hub = self.hub(consumers)
        event = self.make.conversation()
        [sequence] = self.accepted(hub.post(event))
        again = events.republished(event, self.make)
        for copy in (event, again, again):
            self.assertEqual(hub.post(copy).json["duplicates"], 1)
        hub.drained("crm")

        crm = self.one(hub, event["id"], "crm")
        self.assertEqual(crm["state"], "delivered")
        self.assertEqual(len(crm["delivered_at"]), 1)
        self.assertRegex(crm["answer"], r"^delivered 20\d\d-.*Z, .* s after it was accepted$")
        audits = self.one(hub, sequence, "audits")
        self.assertEqual(audits["state"], "filtered")
        self.assertIn("eventCategory", audits["filter_text"])
        self.assertIs(audits["filter"]["holds"], False)

        [known] = self.why(hub, event["id"])["events"]
        self.assertEqual(known["repeats"]["count"], 3)
        self.assertIn("it came again 3 times", known["identity"])
        self.assertIn(f"published anew as {again['id']}, equal", known["identity"])
        repeat = self.why(hub, again["id"])
        self.assertEqual((repeat["as"], repeat["events"][0]["sequence"]), ("repeat", sequence))

        text = self.told(hub, event["id"])
        for words in (f"event {sequence}", "crm: delivered", "audits: filtered out by its filter of policy version 1",
                      'no  eventCategory ["audit","security"] against "conversation"', "was suppressed"):
            self.assertIn(words, text)
        # A changed filter is another version; what it was then is still told.
        consumers["audits"]["filter"] = {"eventCategory": ["conversation"]}
        self.reload(hub, consumers)
        self.assertEqual(self.one(hub, sequence, "audits")["state"], "filtered")
        [later] = self.accepted(hub.post(self.make.conversation()))
        hub.drained("audits")
        self.assertEqual(self.one(hub, later, "audits")["state"], "delivered")

    def test_parked_and_what_waits_behind_it_over_a_kill(self):
        sink = self.receiver(lambda one: 400 if b"POISON" in one.body else 200)
        hub = self.hub({"crm": {"order": "conversation", "sink": http_sink(sink.url, body="raw"), **RETRY}})
        conversation = self.make.uuid()
        sick = [self.make.conversation(conversation, note="POISON" if place == 1 else "fine") for place in range(4)]
        places = [self.accepted(hub.post(event))[0] for event in sick]
        self.until(lambda: hub.consumer("crm")["parked"] == 1, lambda: hub.consumer("crm"))
        for turn in ("running", "killed"):
            with self.subTest(turn):
                parked = self.one(hub, places[1], "crm")
                self.assertEqual(parked["state"], "parked")
                self.assertIn("after 5 attempts (http_400", parked["answer"])
                # One that was too early to be judged spends no attempt and is tried again.
                self.assertEqual(sorted({each["attempts"] for each in parked["failures"]}), [1, 2, 3, 4, 5])
                self.assertEqual(parked["failures"][-1]["outcome"], "park")
                behind = self.one(hub, places[3], "crm")
                self.assertEqual(behind["state"], "blocked")
                self.assertEqual((behind["lane"]["head"], behind["lane"]["before"]), (places[1], 2))
                self.assertIn(f"waits behind event {places[1]}, which is parked", behind["answer"])
            if turn == "running":
                hub.kill()
                hub.start()

        whole = self.why(hub, conversation)
        self.assertEqual((whole["as"], [each["sequence"] for each in whole["events"]]), ("conversation", places))
        text = self.told(hub, conversation)
        self.assertIn(f"conversation {conversation}: 4 events", text)
        self.assertIn(f"`trunkline dlq redrive crm --sequence {places[1]}`", text)
        self.assertIn("crm blocked", text)

        # What the sentence tells to do is done, and it is delivered.
        sink.change(lambda _: 200)
        done = hub.client("dlq", "redrive", "crm", "--sequence", places[1])
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        hub.drained("crm")
        delivered = self.one(hub, places[1], "crm")
        self.assertEqual(delivered["state"], "delivered")
        self.assertRegex(delivered["answer"], r"behind \d failed tries$")

    def test_an_outage_and_a_pause_are_named_and_cost_nothing(self):
        sink = self.receiver(lambda _: 503)
        hub = self.hub({"crm": {"order": "conversation", "sink": http_sink(sink.url), **RETRY}})
        [sequence] = self.accepted(hub.post(self.make.conversation()))
        self.until(lambda: hub.consumer("crm")["breaker"] != "closed", lambda: hub.consumer("crm"))
        self.until(lambda: "unavailable since" in self.one(hub, sequence, "crm")["answer"],
                   lambda: self.one(hub, sequence, "crm"))
        crm = self.one(hub, sequence, "crm")
        self.assertIn(crm["state"], ("waiting", "in_flight"))
        self.assertIn("http_503", crm["answer"])
        self.assertEqual(crm["lane"]["attempts"], 0)
        sink.change(lambda _: 200)
        hub.drained("crm")
        self.assertEqual(hub.client("pause", "crm").returncode, 0)
        [later] = self.accepted(hub.post(self.make.conversation()))
        self.until(lambda: "the consumer is paused" in self.one(hub, later, "crm")["answer"],
                   lambda: self.one(hub, later, "crm"))
        self.assertIn("`trunkline resume crm`", self.told(hub, later))

    def test_what_was_not_understood_is_found_in_the_quarantine(self):
        hub = self.hub({"crm": {"sink": http_sink(self.receiver().url)}})
        self.assertEqual(hub.post(b'{"id": "cut-short-4711", "detail": {').json["quarantined"], 1)
        found = self.why(hub, "cut-short-4711")
        self.assertEqual((found["as"], found["events"]), ("quarantine", []))
        text = self.told(hub, "cut-short-4711")
        self.assertIn("was not understood and stands in the quarantine", text)
        self.assertIn(f"`trunkline quarantine show {found['quarantined'][0]['id']}`", text)

    def test_what_is_not_known_is_said_with_the_way_out(self):
        hub = self.hub({"crm": {"sink": http_sink(self.receiver().url)}})
        for what in ("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "99"):
            done = hub.client("why", what)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn(what, done.stderr)
        self.assertIn("a sequence number, an envelope id or a conversation id", done.stderr)
        self.assertEqual(hub.api("GET", "/why/" + "x" * 300).status, 400)

    def test_a_consumer_that_was_not_there_says_so(self):
        sink = self.receiver()
        consumers = {"crm": {"sink": http_sink(sink.url)}}
        hub = self.hub(consumers)
        [sequence] = self.accepted(hub.post(self.make.conversation()))
        self.reload(hub, {**consumers, "late": {"sink": http_sink(sink.url)}})
        self.assertEqual(self.one(hub, sequence, "late")["state"], "not_there")
        self.assertIn("late: was no consumer yet", self.told(hub, sequence))
