"""A SIEM that takes ten seconds an answer under a load of many times what its cap lets through."""
import pathlib
import re
import threading
import time

from harness.case import HubTest, http_sink
from harness.contact_board import millis
from harness.sse import SseClient, fold

ANSWERS_AFTER = 10  # seconds
CAP = 50
A_SECOND = 60
AGENTS = 20


class SlowSiem:
    """Answers each request after ten seconds, or at once when the test lets go; counts those that are open."""

    def __init__(self):
        self.let_go = threading.Event()
        self._lock = threading.Lock()
        self.open = self.most_open = 0

    def __call__(self, delivery):
        with self._lock:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        self.let_go.wait(ANSWERS_AFTER)
        with self._lock:
            self.open -= 1
        return 200, {"content-type": "application/json"}, b'{"text":"Success","code":0}'


def resident(hub):
    """Bytes."""
    status = pathlib.Path(f"/proc/{hub.child.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


def sequence_in(delivery):
    return int(re.search(rb'"trunkline_sequence":"(\d+)"', delivery.body).group(1))


class Lag(HubTest):
    def consumers(self, siem, crm):
        return {
            # One event a request: 5 of 60 events/s get through. Not adaptive, which would need a minute to reach the cap.
            "siem": {"filter": {}, "concurrency": CAP, "adaptive": False, "batch": {"messages": 1},
                     "sink": {"splunk_hec": {"url": siem.url.removesuffix("/hook"), "token": "a-token-of-a-test", "gzip": False}}},
            "crm": {"filter": {"eventCategory": ["conversation"]}, "order": "conversation", "sink": http_sink(crm.url)},
            "dashboard": {"filter": {"eventCategory": ["agent"]}, "order": "agent", "sink": {"live": {}}},
        }

    def load(self, hub, count, filler):
        """So many events at the rate, every third of an agent; returns (event, sequence) of each as it was accepted."""
        agents = [self.make.uuid() for _ in range(AGENTS)]
        calls = [self.make.uuid() for _ in range(AGENTS)]
        sent, begun = [], time.monotonic()
        for number in range(count):
            event = (self.make.presence(agents[number // 3 % AGENTS], note=filler) if number % 3 == 0 else
                     self.make.conversation(calls[number % AGENTS], note=filler))
            # The rate is part of what is tested; a machine that cannot keep it sends later, and nothing is asserted on it.
            time.sleep(max(0, begun + number / A_SECOND - time.monotonic()))
            sent.append((event, *self.accepted(hub.post(event))))
        return sent

    def test_the_cap_holds_the_backlog_stays_out_of_memory_and_the_others_get_everything(self):
        slow = SlowSiem()
        self.addCleanup(slow.let_go.set)
        siem, crm = self.receiver(slow), self.receiver()
        hub = self.hub(self.consumers(siem, crm), store={"memory_budget": "16MiB"})
        board = SseClient(hub.address, "/api/v1/consumers/dashboard/live")
        self.addCleanup(board.close)
        count = self.count(20, 40) * A_SECOND
        backlog = 150_000_000
        before = resident(hub)
        sent = self.load(hub, count, "x" * (backlog // count))

        # The CRM and the dashboard have everything, in order, while most of it still waits for the SIEM.
        of_calls = [(event, number) for event, number in sent if "conversationId" in event["detail"]["eventBody"]]
        of_agents = [event for event, _ in sent if "presenceDefinition" in event["detail"]["eventBody"]]
        self.until(lambda: len(crm.sequences()) == len(of_calls), lambda: f"{len(crm.sequences())} of {len(of_calls)}")
        self.assert_order(crm, of_calls)
        self.until(lambda: hub.consumer("dashboard")["delivered"] == len(of_agents), lambda: hub.consumer("dashboard"))
        newest = {event["detail"]["topicName"].split(".")[2]: millis(event["detail"]["eventBody"]["modifiedDate"])
                  for event in of_agents}
        shown = lambda: {user: millis(agent["presenceSince"]) for user, agent in fold(board.events)["agents"].items()}
        self.until(lambda: shown() == newest, "the board does not show each agent's newest presence")
        numbers = [data["sequence"] for _, _, data in board.events]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))

        behind = hub.consumer("siem")
        held = behind["waiting"] + behind["in_flight"]
        self.assertGreater(held, count // 2, "the SIEM is far behind, else this shows nothing")
        self.assertEqual((behind["dead_letters"], behind["breaker"]), (0, "closed"), "slow is not out")
        self.assertEqual(slow.most_open, CAP, "the cap is used, and holds")
        grown = resident(hub) - before
        # The newest events, the store's own memory and 50 requests under way.
        self.assertLess(grown, backlog * 2 // 3, f"{held} events of {backlog // count} bytes wait, and the hub grew by {grown}")

        slow.let_go.set()
        hub.drained("siem", within=120)
        self.assertCountEqual([sequence_in(each) for each in siem.deliveries()], [number for _, number in sent])
        self.assertEqual(slow.most_open, CAP)

    def assert_order(self, crm, of_calls):
        by_call = lambda pairs: {call: [number for each, number in pairs if each == call] for call, _ in pairs}
        call_of = lambda event: event["detail"]["eventBody"]["conversationId"]
        got = [(call_of(event), number) for delivery in crm.taken() for event, number in zip(delivery.events(), delivery.sequences)]
        self.assertEqual(by_call(got), by_call([(call_of(event), number) for event, number in of_calls]))
