"""One call's 17 events reach an ordered consumer in their order, whatever else comes between."""
import collections
import json
import random
import threading

from harness import settings
from harness.case import HubTest, http_sink

CONVERSATION = "388fa6ad-33a8-439b-a5b7-9085a352469d"


class LifecycleOrder(HubTest):
    def lifecycle(self):
        files = sorted(settings.FIXTURES.glob("schema-lifecycle-*.json"))
        self.assertEqual(len(files), 17)
        return [json.loads(file.read_bytes()) for file in files]

    def other(self, number):
        """The same events of another conversation, with its own ids all over."""
        replaced = {}
        out = []
        for event in self.lifecycle():
            event["id"] = self.make.uuid()
            text = json.dumps(event)
            for name in ("id", "conversationId", "participantId", "sessionId"):
                old = event["detail"]["eventBody"].get(name)
                if old:
                    text = text.replace(old, replaced.setdefault(old, self.make.uuid()))
            event = json.loads(text.replace(CONVERSATION, replaced.setdefault(CONVERSATION, self.make.uuid())))
            event["detail"]["eventBody"]["number"] = number
            out.append(event)
        return out

    def test_in_order_between_nine_others_over_ten_connections(self):
        sink = self.receiver()
        hub = self.hub({"crm": {"filter": {}, "order": "conversation", "concurrency": 8,
                                "sink": http_sink(sink.url, batch="array", body="raw"), "batch": {"messages": 7}}})
        conversations = [self.lifecycle()] + [self.other(number) for number in range(9)]
        failures = []

        def send(events, seed):
            # Each sender sends its own conversation in order; the ten run at once and at different speeds.
            chance = random.Random(seed)
            while events:
                size = chance.randint(1, 3)
                some, events = events[:size], events[size:]
                answer = hub.post(some if len(some) > 1 else some[0])
                if answer.status != 200 or answer.json["accepted"] != len(some):
                    failures.append(answer)

        threads = [threading.Thread(target=send, args=(list(events), seed)) for seed, events in enumerate(conversations)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.until(lambda: len(sink.events()) >= 170, lambda: f"{len(sink.events())} of 170 were delivered")
        self.check(sink, conversations)

    def test_in_order_when_interleaved_at_random_one_by_one(self):
        sink = self.receiver()
        hub = self.hub({"crm": {"filter": {}, "order": "conversation", "concurrency": 16,
                                "sink": http_sink(sink.url, body="raw")}})
        conversations = [self.lifecycle()] + [self.other(number) for number in range(9)]
        turns = [number for number, events in enumerate(conversations) for _ in events]
        random.Random(7).shuffle(turns)
        left = [collections.deque(events) for events in conversations]
        for turn in turns:
            self.accepted(hub.post(left[turn].popleft()))
        self.until(lambda: len(sink.events()) >= 170, lambda: f"{len(sink.events())} of 170 were delivered")
        self.check(sink, conversations)

    def check(self, sink, conversations):
        delivered = sink.events()
        self.assertEqual(len(delivered), 170)
        position = {event["id"]: place for place, event in enumerate(delivered)}
        for events in conversations:
            # Agents' routing status names no conversation: a lane of its own.
            lane = [event["id"] for event in events if "routingStatus" not in event["detail"]["topicName"]]
            self.assertEqual(len(lane), 16)
            self.assertEqual(lane, sorted(lane, key=position.__getitem__))
