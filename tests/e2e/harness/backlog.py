"""A hub that is stopped with something of everything in its queues, and what must come of it elsewhere."""
import collections

from harness.case import http_sink

QUICK_FAILURE = {"retry": {"base": "5ms", "cap": "20ms"}, "attempts": 2, "breaker": {"window": "300ms", "lanes": 1000}}
FIRST = 3  # events of a lane before the pause


class Backlog:
    """`crm` keeps lanes and parks, `skips` keeps them and skips, `plain` has none. The first event of every second
    lane is bad; then all are paused, and each lane gets more."""

    def __init__(self, test, lanes, more=2):
        self.test, self.lane_count, self.more = test, lanes, more
        self.sick = True
        self.receivers = {name: test.receiver(self.answer) for name in ("crm", "skips", "plain")}
        self.lanes = {}
        self.bad = set()
        self.quarantined = 3
        self.rest_came = False

    def answer(self, delivery):
        return 500 if self.sick and b"POISON" in delivery.body else 200

    def consumers(self):
        def sink(name):
            return {"filter": {}, "concurrency": 4, "sink": http_sink(self.receivers[name].url, body="raw"),
                    **QUICK_FAILURE}

        return {"crm": {**sink("crm"), "order": "conversation"},
                "skips": {**sink("skips"), "order": "conversation", "on_exhausted": "skip"},
                "plain": {**sink("plain"), "order": "none"}}

    def fill(self, hub):
        test = self.test
        for number in range(self.lane_count):
            lane = test.make.uuid()
            self.lanes[lane] = [test.make.conversation(lane, note="POISON" if number % 2 and place == 0 else "fine")
                                for place in range(FIRST + self.more)]
            if number % 2:
                self.bad.add(lane)
        for events in self.lanes.values():
            test.accepted(hub.post(events[:FIRST]), FIRST)
        bad = len(self.bad)
        for name, key in (("crm", "parked"), ("skips", "dead_letters"), ("plain", "dead_letters")):
            test.until(lambda: hub.consumer(name)[key] == bad, lambda: hub.consumer(name))
        test.until(lambda: all(hub.consumer(name)["waiting"] == (FIRST - 1) * bad * (name == "crm")
                               for name in self.receivers), lambda: [hub.consumer(name) for name in self.receivers])
        for name in self.receivers:
            test.assertEqual(hub.client("pause", name, "--reason", "moving").returncode, 0)
        for events in self.lanes.values():
            test.accepted(hub.post(events[FIRST:]), self.more)
        for number in range(self.quarantined):
            test.assertEqual(hub.post({"none": number}).verdicts(), ["quarantined"])
        return self

    def expected(self):
        """What each queue holds, by the words of the report."""
        bad, open_lanes = len(self.bad), 0 if self.rest_came else self.lane_count
        behind = bad * (FIRST - 1 + (self.more if self.rest_came else 0))
        return {"crm": (open_lanes * self.more + behind, bad, 0), "skips": (open_lanes * self.more, 0, bad),
                "plain": (open_lanes * self.more, 0, bad)}

    def moved_on(self):
        """All that no parked event holds up has been delivered meanwhile."""
        self.rest_came = True

    def reported(self, report):
        return {queue["name"]: (queue["waiting"], queue["parked"], queue["dead_letters"]) for queue in report["queues"]}

    def check(self, hub):
        """The served destination has all of it in its place, and delivers the rest in order."""
        test, bad = self.test, len(self.bad)
        for name, (_, parked, letters) in self.expected().items():
            consumer = hub.consumer(name)
            test.assertTrue(consumer["paused"], consumer)
            test.assertEqual((consumer["parked"], consumer["dead_letters"]), (parked, letters), consumer)
            listed = hub.api("GET", f"/consumers/{name}/dead-letters?limit=1000").json
            for letter in listed["dead_letters"]:
                test.assertEqual((letter["attempts"], letter["error_class"]), (2, "http_500"), letter)
            test.assertEqual(len(listed["dead_letters"]), bad)
        test.assertEqual(len(hub.api("GET", "/quarantine").json["entries"]), self.quarantined)
        for name in self.receivers:
            test.assertEqual(hub.client("resume", name).returncode, 0)
        test.until(lambda: hub.consumer("crm")["waiting"] == bad * (FIRST - 1 + self.more), lambda: hub.consumer("crm"))
        hub.drained("skips", "plain")
        gaps = [one for one in self.receivers["skips"].taken() if "trunkline-gap-before" in one.headers]
        test.assertEqual(len(gaps), bad, "said before the stop already, and not again")
        self.sick = False
        for name in self.receivers:
            redriven = hub.client("dlq", "redrive", name, "--all", "--wait")
            test.assertEqual(redriven.returncode, 0, redriven.stdout + redriven.stderr)
        hub.drained(*self.receivers)
        self.all_came()
        known = self.lanes[next(iter(self.lanes))][0]
        test.assertEqual(hub.post(known).verdicts(), ["duplicate"])

    def all_came(self):
        """Every event once with a 200, over both; each lane of `crm` in its order."""
        for name, receiver in self.receivers.items():
            taken = collections.defaultdict(list)
            for delivery in receiver.taken():
                for event in delivery.events():
                    taken[event["detail"]["eventBody"]["conversationId"]].append(event["id"])
            for lane, events in self.lanes.items():
                ids = [event["id"] for event in events]
                test_ids = taken[lane]
                self.test.assertEqual(sorted(test_ids), sorted(ids), f"{name}: once each")
                if name == "crm" or (name == "skips" and lane not in self.bad):
                    self.test.assertEqual(test_ids, ids, name)
