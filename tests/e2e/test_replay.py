"""A replay: the past once more for one consumer, marked, beside live events, in order, over kills."""
import json
import threading
import time

from harness.case import HubTest, http_sink


class Replay(HubTest):
    def begin(self, **consumer):
        self.sink = self.receiver()
        other = self.receiver()
        self.other = other
        self.lanes = [self.make.uuid() for _ in range(6)]
        hub = self.hub({"crm": {"filter": {"eventCategory": ["conversation"]}, "order": "conversation", "concurrency": 8,
                                "sink": http_sink(self.sink.url, body="raw"), **consumer},
                        "other": {"filter": {}, "order": "conversation", "sink": http_sink(other.url, body="raw")}})
        return hub

    def send(self, hub, rounds):
        sequences = []
        for _ in range(rounds):
            for lane in self.lanes:
                sequences += self.accepted(hub.post(self.make.conversation(lane)))
        return sequences

    def replayed(self):
        """(sequence, operation) of every marked delivery, in order of arrival."""
        marks = []
        for one in self.sink.taken():
            for mark in filter(None, one.headers.get("trunkline-replay", "").split(",")):
                sequence, operation = mark.split("=")
                marks.append((int(sequence), int(operation)))
        return marks

    def ends(self, hub, number=1, state="done"):
        self.until(lambda: hub.api("GET", f"/operations/{number}").json["state"] == state,
                   lambda: hub.api("GET", f"/operations/{number}").json)
        return hub.api("GET", f"/operations/{number}").json

    def test_it_gives_one_consumer_the_past_once_more_beside_live_events(self):
        hub = self.begin()
        past = self.send(hub, 5)
        hub.drained("crm")
        hub.drained("other")
        others = len(self.other.events())
        dry = hub.client("replay", "--consumer", "crm", "--from", "1h", "--dry-run", "--json")
        self.assertEqual(json.loads(dry.stdout)["total"], len(past), dry.stderr)
        begun = hub.client("replay", "--consumer", "crm", "--from", "1h", "--rate", "1000")
        self.assertEqual(begun.returncode, 0, begun.stderr)
        live = self.send(hub, 5)
        ended = self.ends(hub)
        self.assertEqual((ended["given"], ended["delivered"], ended["failed"]), (len(past), len(past), 0))
        hub.drained("crm")
        marks = self.replayed()
        self.assertEqual({operation for _, operation in marks}, {1})
        self.assertEqual(sorted(sequence for sequence, _ in marks), sorted(past))
        unmarked = [one.sequences[0] for one in self.sink.taken() if "trunkline-replay" not in one.headers]
        self.assertEqual(sorted(unmarked), sorted(past + live), "live events came once, and none was taken for a replay")
        # A lane's replayed events are in its order, and so are its live ones.
        for place in range(len(self.lanes)):
            mine = [sequence for sequence, _ in marks if (sequence - past[0]) % len(self.lanes) == place]
            self.assertEqual(mine, sorted(mine))
        ids = [one.headers["webhook-id"] for one in self.sink.taken()]
        self.assertEqual(len(set(ids)), len(ids), "a replay is a message of its own")
        hub.drained("other")
        self.assertEqual(len(self.other.events()), others + len(live), "the other consumer got nothing of it")

    def test_a_lane_has_one_event_in_flight_whether_live_or_replayed(self):
        lock, flying, clashes = threading.Lock(), {}, []

        def answer(one):
            lane = json.loads(one.body)["detail"]["eventBody"].get("conversationId") or "?"
            with lock:
                flying[lane] = flying.get(lane, 0) + 1
                if flying[lane] > 1:
                    clashes.append(lane)
            time.sleep(0.01)
            with lock:
                flying[lane] -= 1
            return 200

        hub = self.begin()
        past = self.send(hub, 6)
        hub.drained("crm")
        self.sink.change(answer)
        self.assertEqual(hub.client("replay", "--consumer", "crm", "--from", "1h", "--rate", "2000").returncode, 0)
        for _ in range(4):
            self.send(hub, 5)
        self.ends(hub)
        hub.drained("crm")
        self.assertEqual(clashes, [])
        self.assertGreater(len(flying), 1, "lanes were told apart")
        self.assertEqual(len(self.replayed()), len(past))

    def test_type_and_conversation_narrow_it_and_nothing_in_that_time_is_said(self):
        hub = self.begin()
        self.send(hub, 3)
        hub.drained("crm")
        one = hub.client("replay", "--consumer", "crm", "--from", "1h", "--conversation", self.lanes[2], "--wait", "--json")
        self.assertEqual(one.returncode, 0, one.stderr)
        self.assertEqual(json.loads(one.stdout)["given"], 3)
        none = hub.client("replay", "--consumer", "crm", "--from", "1h", "--type", "v2.nothing", "--wait", "--json")
        self.assertEqual((none.returncode, json.loads(none.stdout)["given"]), (0, 0), none.stderr)
        early = hub.client("replay", "--consumer", "crm", "--from", "2001-01-01T00:00:00Z", "--to", "2001-01-02T00:00:00Z")
        self.assertEqual(early.returncode, 1)
        self.assertIn("no event of these times", early.stderr)
        self.assertEqual(hub.client("replay", "--consumer", "crn", "--from", "1h").returncode, 1)

    def test_it_waits_for_a_paused_consumer_and_a_cancel_takes_it_back(self):
        hub = self.begin()
        self.send(hub, 4)
        hub.drained("crm")
        self.assertEqual(hub.client("pause", "crm").returncode, 0)
        self.assertEqual(hub.client("replay", "--consumer", "crm", "--from", "1h").returncode, 0)
        self.until(lambda: hub.api("GET", "/operations/1").json["in_lanes"] == 2, lambda: hub.api("GET", "/operations/1").json)
        shown = hub.client("operations", "show", 1)
        self.assertIn("the consumer is paused", shown.stdout)
        self.assertEqual(hub.client("operations", "cancel", 1).returncode, 0)
        self.until(lambda: hub.api("GET", "/operations/1").json["ended"] == 2, lambda: hub.api("GET", "/operations/1").json)
        self.assertEqual(hub.client("resume", "crm").returncode, 0)
        more = self.send(hub, 1)
        hub.drained("crm")
        self.assertEqual(self.replayed(), [])
        self.assertEqual(self.sink.taken()[-1].sequences[0] in more, True)

    def test_it_goes_on_by_itself_over_twenty_kills_beside_live_traffic(self):
        hub = self.begin()
        past = self.send(hub, 10)
        hub.drained("crm")
        begun = hub.client("replay", "--consumer", "crm", "--from", "1h", "--rate", "4000")
        self.assertEqual(begun.returncode, 0, begun.stderr)
        points = ["operation.step", "operation.given", "operation.committed", "settle", "commit.after_sync"]
        live, died = [], 0
        hub.kill()
        for kill in range(20):
            count = kill % 3 + 2 if points[kill % 5].startswith("operation") else 3 + kill
            hub.launch(TRUNKLINE_FAILPOINTS=f"{points[kill % 5]}=kill@{count}")
            # It may be dead before anybody has seen that it was ready.
            self.until(lambda: (hub.directory / "ready").exists() or not hub.child.running(), hub.child.tail)
            deadline = time.monotonic() + 4
            try:
                while hub.child.running() and time.monotonic() < deadline:
                    for lane in self.lanes:
                        live += hub.post(self.make.conversation(lane)).sequences()
                    if hub.api("GET", "/operations/1").json["state"] == "done":
                        break
            except (OSError, ValueError, KeyError, AssertionError):
                pass
            died += not hub.child.running()
            hub.kill()
        self.assertGreater(died, 12, "most kills came at their point")
        hub.start()
        ended = self.ends(hub)
        self.assertEqual((ended["given"], ended["delivered"], ended["failed"], ended["ended"]), (len(past), len(past), 0, 0),
                         "none was given twice, none was forgotten")
        hub.drained("crm")
        # In each lane the first time of each event is in order, of the replay and of the live ones.
        order, marks = {}, set()
        for one in self.sink.taken():
            [sequence] = one.sequences
            lane = json.loads(one.body)["detail"]["topicName"].split(".")[4]
            kind = "trunkline-replay" in one.headers
            if kind:
                marks.add(sequence)
            seen = order.setdefault((lane, kind), [])
            if sequence not in seen:
                seen.append(sequence)
        for lane, seen in order.items():
            self.assertEqual(seen, sorted(seen), lane)
        self.assertEqual(sorted(marks), past)
        came = {sequence for (_, kind), seen in order.items() if not kind for sequence in seen}
        self.assertLessEqual(set(past + [one for one in live if one]), came, "no live event was lost")
