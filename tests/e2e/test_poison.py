"""One bad event parks its own lane and nothing else; a redrive keeps the order."""
from harness.case import HubTest, http_sink

RETRY = {"retry": {"base": "5ms", "cap": "20ms"}, "breaker": {"window": "300ms"}}


class Poison(HubTest):
    def begin(self, **consumer):
        self.sink = self.receiver(lambda one: 400 if b"POISON" in one.body else 200)
        hub = self.hub({"crm": {"filter": {}, "order": "conversation", "sink": http_sink(self.sink.url, body="raw"), **RETRY,
                                **consumer}})
        sick, well = self.make.uuid(), self.make.uuid()
        self.sick = [self.make.conversation(sick, note="POISON" if place == 2 else "fine") for place in range(6)]
        self.well = [self.make.conversation(well) for _ in range(6)]
        self.places = {}
        for pair in zip(self.sick, self.well):
            for event in pair:
                [self.places[event["id"]]] = self.accepted(hub.post(event))
        return hub

    def delivered_ids(self, events):
        ids = [event["id"] for event in events]
        return [event["id"] for event in self.sink.events() if event["id"] in ids]

    def ids(self, events):
        return [event["id"] for event in events]

    def test_it_parks_its_lane_and_a_redrive_delivers_it_first(self):
        hub = self.begin()
        self.until(lambda: hub.consumer("crm")["parked"] == 1, lambda: hub.consumer("crm"))
        self.until(lambda: len(self.delivered_ids(self.well)) == 6, "the other lane did not go on")
        self.assertEqual(self.delivered_ids(self.sick), self.ids(self.sick[:2]))
        tries = [one for one in self.sink.deliveries() if one.status == 400]
        self.assertEqual([one.attempt for one in tries], [1, 2, 3, 4, 5])

        poisoned = self.places[self.sick[2]["id"]]
        [letter] = hub.api("GET", "/consumers/crm/dead-letters").json["dead_letters"]
        self.assertEqual((letter["sequence"], letter["state"], letter["attempts"], letter["error_class"]),
                         (poisoned, "parked", 5, "http_400"))
        whole = hub.api("GET", f"/consumers/crm/dead-letters/{poisoned}").json
        self.assertEqual(whole["event"], self.sick[2])
        listed = hub.client("dlq", "ls", "crm")
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertIn(str(poisoned), listed.stdout)
        self.assertIn("http_400", listed.stdout)
        self.assertEqual(hub.metrics().get("trunkline_consumer_parked_lanes", consumer="crm"), 1)

        hub.stop()
        hub.start()
        self.until(lambda: hub.consumer("crm")["parked"] == 1, "a parked lane stays parked over a restart")
        self.sink.change(lambda _: 200)
        redriven = hub.client("dlq", "redrive", "crm", "--all")
        self.assertEqual(redriven.returncode, 0, redriven.stdout + redriven.stderr)
        hub.drained("crm")
        self.assertEqual(self.delivered_ids(self.sick), self.ids(self.sick))
        marked = [one.sequences for one in self.sink.taken() if "trunkline-redriven" in one.headers]
        self.assertEqual(marked, [[poisoned]])
        self.assertEqual(hub.api("GET", "/consumers/crm/dead-letters").json["dead_letters"], [])

    def test_a_redrive_of_what_is_still_bad_parks_it_again(self):
        hub = self.begin()
        self.until(lambda: hub.consumer("crm")["parked"] == 1, lambda: hub.consumer("crm"))
        tried = len(self.sink.deliveries())
        self.assertEqual(hub.api("POST", "/consumers/crm/redrive", {"error_class": "http_400"}).json, {"redriven": 1})
        self.until(lambda: len(self.sink.deliveries()) == tried + 5, "it got five attempts again")
        self.until(lambda: hub.consumer("crm")["parked"] == 1, lambda: hub.consumer("crm"))
        self.assertEqual(self.delivered_ids(self.sick), self.ids(self.sick[:2]))

    def test_a_purge_gives_it_up_and_its_successors_go_on(self):
        hub = self.begin()
        self.until(lambda: hub.consumer("crm")["parked"] == 1, lambda: hub.consumer("crm"))
        purged = hub.client("dlq", "purge", "crm", "--yes", "--sequence", self.places[self.sick[2]["id"]])
        self.assertEqual(purged.returncode, 0, purged.stdout + purged.stderr)
        hub.drained("crm")
        self.assertEqual(self.delivered_ids(self.sick), self.ids(self.sick[:2] + self.sick[3:]))

    def test_with_skip_the_lane_goes_on_and_says_what_is_missing(self):
        hub = self.begin(on_exhausted="skip")
        self.until(lambda: len(self.delivered_ids(self.sick)) == 5, lambda: hub.consumer("crm"))
        self.assertEqual(self.delivered_ids(self.sick), self.ids(self.sick[:2] + self.sick[3:]))
        poisoned, next_one = self.places[self.sick[2]["id"]], self.places[self.sick[3]["id"]]
        gaps = [(one.sequences, one.headers["trunkline-gap-before"]) for one in self.sink.taken()
                if "trunkline-gap-before" in one.headers]
        self.assertEqual(gaps, [([next_one], f"{next_one}={poisoned}")])
        self.until(lambda: hub.consumer("crm")["dead_letters"] == 1, lambda: hub.consumer("crm"))
        self.sink.change(lambda _: 200)
        self.assertEqual(hub.api("POST", "/consumers/crm/redrive", {"sequence": poisoned}).json, {"redriven": 1})
        self.until(lambda: len(self.delivered_ids(self.sick)) == 6, "the redriven event did not come")
        self.assertEqual(self.sink.taken()[-1].headers["trunkline-redriven"], str(poisoned))
        self.until(lambda: hub.consumer("crm")["dead_letters"] == 0, lambda: hub.consumer("crm"))

    def test_with_drop_it_is_forgotten(self):
        hub = self.begin(on_exhausted="drop")
        hub.drained("crm")
        self.assertEqual(self.delivered_ids(self.sick), self.ids(self.sick[:2] + self.sick[3:]))
        self.assertEqual(hub.api("GET", "/consumers/crm/dead-letters").json["dead_letters"], [])
