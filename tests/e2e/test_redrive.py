"""Redrive as an operation: previewed, chosen, ramped, stopped by itself, held, cancelled, written down; and over kills."""
import hashlib
import json
import time

from harness.case import HubTest, http_sink

RETRY = {"retry": {"base": "5ms", "cap": "20ms"}, "attempts": 2, "breaker": {"window": "300ms", "lanes": 1000}}


class Redrive(HubTest):
    def begin(self, lanes=12, **consumer):
        """One conversation per lane of three events, of which the first is bad."""
        self.sick = True
        self.sink = self.receiver(self.answer)
        self.events = {}
        hub = self.hub({"crm": {"filter": {}, "order": "conversation", "concurrency": 4,
                                "sink": http_sink(self.sink.url, body="raw"), **RETRY, **consumer}})
        for _ in range(lanes):
            lane = self.make.uuid()
            self.events[lane] = [self.make.conversation(lane, note="POISON" if place == 0 else "fine") for place in range(3)]
            for event in self.events[lane]:
                self.accepted(hub.post(event))
        return hub

    def answer(self, one):
        return 500 if self.sick and b"POISON" in one.body else 200

    def lanes_in_order(self):
        """Every lane came, in its order, repeats aside."""
        for lane, events in self.events.items():
            ids = [event["id"] for event in events]
            seen = []
            for event in self.sink.events():
                if event["id"] in ids and event["id"] not in seen:
                    seen.append(event["id"])
            self.assertEqual(seen, ids, lane)

    def operation(self, hub, number=1):
        return hub.api("GET", f"/operations/{number}").json

    def ends(self, hub, number=1, *states):
        self.until(lambda: self.operation(hub, number)["state"] in (states or ("done",)), lambda: self.operation(hub, number))
        return self.operation(hub, number)

    def test_a_dry_run_counts_and_changes_nothing(self):
        hub = self.begin(lanes=4)
        self.until(lambda: hub.consumer("crm")["parked"] == 4, lambda: hub.consumer("crm"))
        dry = hub.client("dlq", "redrive", "crm", "--all", "--dry-run", "--json")
        self.assertEqual(dry.returncode, 0, dry.stderr)
        found = json.loads(dry.stdout)
        self.assertEqual((found["total"], found["parked"], found["by_error_class"], found["by_age"]),
                         (4, 4, {"http_500": 4}, {"1h": 4}))
        self.assertEqual(sum(found["by_type"].values()), 4)
        none = hub.client("dlq", "redrive", "crm", "--older-than", "1h", "--dry-run")
        self.assertEqual(none.returncode, 1, none.stdout)
        self.assertEqual(hub.client("dlq", "redrive", "crm", "--error-class", "http_400").returncode, 1)
        self.assertEqual(hub.client("dlq", "redrive", "crm").returncode, 2)
        self.assertEqual(hub.consumer("crm")["parked"], 4)
        self.assertEqual(hub.api("GET", "/operations").json, {"operations": []})

    def test_it_chooses_by_conversation_and_waits_for_the_end(self):
        hub = self.begin(lanes=3)
        self.until(lambda: hub.consumer("crm")["parked"] == 3, lambda: hub.consumer("crm"))
        self.sick = False
        lane = list(self.events)[1]
        redriven = hub.client("dlq", "redrive", "crm", "--group", lane, "--wait")
        self.assertEqual(redriven.returncode, 0, redriven.stdout + redriven.stderr)
        self.assertIn("1 given of 1, 1 delivered, 0 failed again", redriven.stdout)
        self.until(lambda: hub.consumer("crm")["parked"] == 2, lambda: hub.consumer("crm"))
        ids = [event["id"] for event in self.events[lane]]
        self.until(lambda: [e["id"] for e in self.sink.events() if e["id"] in ids] == ids, "the lane did not come in order")

    def test_it_ramps_up_and_all_lanes_come_in_order(self):
        hub = self.begin(lanes=20)
        self.until(lambda: hub.consumer("crm")["parked"] == 20, lambda: hub.consumer("crm"))
        self.sick = False
        began = time.monotonic()
        redriven = hub.client("dlq", "redrive", "crm", "--all", "--rate", "8", "--wait", "--json")
        self.assertEqual(redriven.returncode, 0, redriven.stdout + redriven.stderr)
        ended = json.loads(redriven.stdout)
        self.assertEqual((ended["state"], ended["total"], ended["given"], ended["delivered"], ended["failed"]),
                         ("done", 20, 20, 20, 0))
        # 1 + 2 + 4 + 8 + 5 events in as many seconds: never faster than that.
        self.assertGreater(time.monotonic() - began, 3)
        hub.drained("crm")
        self.lanes_in_order()
        marked = {sequence for one in self.sink.taken() if "trunkline-redriven" in one.headers for sequence in one.sequences}
        self.assertEqual(len(marked), 20)

    def test_it_stops_by_itself_when_they_fail_again_and_goes_on_when_told(self):
        hub = self.begin(lanes=12)
        self.until(lambda: hub.consumer("crm")["parked"] == 12, lambda: hub.consumer("crm"))
        stopped = hub.client("dlq", "redrive", "crm", "--all", "--rate", "1000", "--wait")
        self.assertEqual(stopped.returncode, 1, stopped.stdout)
        self.assertIn("stopped", stopped.stdout)
        self.assertIn("failed again, the last with http_500", stopped.stdout)
        before = self.operation(hub)
        self.assertLess(before["given"], 8, "most were spared")
        self.assertEqual(before["failed"], len(before["last_failed"]))
        hub.stop()
        hub.start()
        self.assertEqual(self.operation(hub)["state"], "stopped", "a stop is kept over a restart")
        self.sick = False
        self.assertEqual(hub.client("operations", "resume", 1).returncode, 0)
        ended = self.ends(hub)
        self.assertEqual((ended["given"], ended["delivered"]), (12, 12 - before["failed"]))
        # What had failed again is for an operation of its own.
        self.assertEqual(hub.consumer("crm")["parked"], before["failed"])
        self.assertEqual(hub.client("dlq", "redrive", "crm", "--all", "--wait").returncode, 0)
        hub.drained("crm")
        self.lanes_in_order()

    def test_it_is_paused_resumed_cancelled_and_all_of_it_is_written_down(self):
        hub = self.begin(lanes=10)
        self.until(lambda: hub.consumer("crm")["parked"] == 10, lambda: hub.consumer("crm"))
        self.sick = False
        begun = hub.client("dlq", "redrive", "crm", "--all", "--rate", "0.5")
        self.assertEqual(begun.returncode, 0, begun.stderr)
        self.assertIn("operation 1 begins", begun.stdout)
        self.until(lambda: self.operation(hub)["delivered"] >= 1, lambda: self.operation(hub))
        self.assertEqual(hub.client("operations", "pause", 1).returncode, 0)
        self.assertEqual(hub.client("operations", "pause", 1).returncode, 1, "it is paused already")
        hub.kill()
        hub.start()
        self.assertEqual(self.operation(hub)["state"], "paused")
        self.assertEqual(hub.client("operations", "resume", 1).returncode, 0)
        self.until(lambda: self.operation(hub)["delivered"] >= 2, lambda: self.operation(hub))
        self.assertEqual(hub.client("operations", "cancel", 1).returncode, 0)
        self.assertEqual(hub.client("operations", "resume", 1).returncode, 1, "it has ended")
        self.assertEqual(hub.client("operations", "show", 7).returncode, 1)
        self.until(lambda: hub.consumer("crm")["in_flight"] == 0, "what was given is delivered")
        left = hub.consumer("crm")["parked"]
        self.assertEqual(left, 10 - self.operation(hub)["given"])
        self.assertGreater(left, 3)
        listed = hub.client("operations", "ls", "--consumer", "crm")
        self.assertIn("cancelled", listed.stdout)
        purged = hub.client("dlq", "purge", "crm", "--all", "--yes")
        self.assertEqual(purged.returncode, 0, purged.stderr)
        audit = json.loads(hub.client("audit", "--json").stdout)["audit"]
        self.assertEqual([entry["action"] for entry in reversed(audit)],
                         ["redrive", "redrive.paused", "redrive.running", "redrive.cancelled", "purge"])
        self.assertEqual({entry["by"] for entry in audit}, {"local"})
        self.until(lambda: json.loads(hub.client("audit", "--json", "--limit", "1").stdout)["audit"][0]["outcome"]
                   == f"{left} purged", "the purge says what came of it")

    def test_an_edited_body_is_what_goes_out_marked_and_the_audit_has_both_hashes(self):
        hub = self.begin(lanes=1)
        self.until(lambda: hub.consumer("crm")["parked"] == 1, lambda: hub.consumer("crm"))
        [letter] = hub.api("GET", "/consumers/crm/dead-letters").json["dead_letters"]
        place, [events] = letter["sequence"], self.events.values()
        fixed = {**events[0], "detail": {**events[0]["detail"], "eventBody": {"note": "mended"}}}
        (hub.directory / "fixed.json").write_text(json.dumps(fixed))
        wrong = hub.client("dlq", "edit", "crm", place, "--body", "-", stdin="[1]")
        self.assertEqual(wrong.returncode, 1, wrong.stdout)
        edited = hub.client("dlq", "edit", "crm", place, "--body", hub.directory / "fixed.json")
        self.assertEqual(edited.returncode, 0, edited.stderr)
        shown = json.loads(hub.client("dlq", "show", "crm", place, "--json").stdout)
        self.assertEqual((shown["event"], shown["edited"]), (events[0], fixed))
        hub.kill()
        hub.start()
        redriven = hub.client("dlq", "redrive", "crm", "--sequence", place, "--wait")
        self.assertEqual(redriven.returncode, 0, redriven.stdout + redriven.stderr)
        hub.drained("crm")
        [marked] = [one for one in self.sink.taken() if one.headers.get("trunkline-edited") == str(place)]
        self.assertEqual(json.loads(marked.body), fixed)
        self.assertEqual(marked.body.decode(), json.dumps(fixed), "byte for byte")
        self.lanes_in_order()
        entry = [one for one in json.loads(hub.client("audit", "--json").stdout)["audit"] if one["action"] == "edit"][-1]
        self.assertIn(f"sequence={place} sha256 ", entry["what"])
        self.assertIn(f"-> {hashlib.sha256(json.dumps(fixed).encode()).hexdigest()}", entry["what"])
        self.assertEqual(entry["outcome"], "edited")

    def test_it_goes_on_by_itself_over_twenty_kills(self):
        hub = self.begin(lanes=40, on_exhausted="park")
        self.until(lambda: hub.consumer("crm")["parked"] == 40, lambda: hub.consumer("crm"))
        self.sick = False
        begun = hub.client("dlq", "redrive", "crm", "--all", "--rate", "4000")
        self.assertEqual(begun.returncode, 0, begun.stderr)
        points = ["operation.step", "operation.given", "operation.committed", "settle", "commit.after_sync"]
        hub.kill()
        died = 0
        for kill in range(20):
            # The point is passed some time after the start, or the operation has ended before that.
            count = kill % 3 + 1 if points[kill % 5].startswith("operation") else 3 + kill
            hub.launch(TRUNKLINE_FAILPOINTS=f"{points[kill % 5]}=kill@{count}")
            # It may be dead before anybody has seen that it was ready.
            self.until(lambda: (hub.directory / "ready").exists() or not hub.child.running(), hub.child.tail)
            deadline = time.monotonic() + 4
            while hub.child.running() and time.monotonic() < deadline and self.state_of(hub) != "done":
                time.sleep(0.05)
            died += not hub.child.running()
            hub.kill()
        self.assertGreater(died, 12, "most kills came at their point")
        hub.start()
        ended = self.ends(hub)
        self.assertEqual((ended["total"], ended["given"], ended["delivered"], ended["failed"], ended["ended"]),
                         (40, 40, 40, 0, 0), "none was given twice, none was forgotten")
        hub.drained("crm")
        self.lanes_in_order()
        self.assertEqual(hub.api("GET", "/consumers/crm/dead-letters").json["dead_letters"], [])

    def state_of(self, hub):
        try:
            return self.operation(hub)["state"]
        except (OSError, ValueError, KeyError):
            return None
