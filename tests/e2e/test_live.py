"""The live board: what browsers are sent is what the events say, over reconnects, kills and readers that do not read."""
import json
import random
import socket
import subprocess
import threading
import time

from harness import node, settings
from harness.case import HubTest
from harness.contact_board import ContactBoard, millis
from harness.process import command, request
from harness.sse import PARTS, SseClient, fold

LIVE = {"dashboard": {"filter": {"eventCategory": ["agent", "queue", "conversation"]}, "order": "agent",
                      "sink": {"live": {"service_level": {"within": "4s", "over": "24h"}}}}}
PATH = "/api/v1/consumers/dashboard/live"


class Live(HubTest):
    def watch(self, hub, last=None, path=PATH, headers=()):
        client = SseClient(hub.address, path, last, headers)
        self.addCleanup(client.close)
        return client

    def day(self, count):
        """Events of a contact centre in the morning, in their order."""
        file = self.directory / "day.jsonl"
        done = command("sim", "--out", file, "--events", count, "--interactions", 30_000, "--start",
                       "2026-03-02T10:00:00Z", "--seed", 11, "--quiet")
        self.assertEqual(done.returncode, 0, done.stderr)
        events = [json.loads(line) for line in file.read_text().splitlines()]
        # Counts by observation have tests of their own: here they are to come from the conversations.
        return [event for event in events if not event["detail-type"].startswith("v2.analytics.queues")]

    def send(self, hub, events, seed=None):
        events = list(events)
        if seed is not None:
            random.Random(seed).shuffle(events)
        for at in range(0, len(events), 100):
            part = events[at:at + 100]
            self.accepted(hub.post(part), len(part))

    def board_now(self, hub):
        """A snapshot of the board with everything in it."""
        hub.drained("dashboard")
        client = self.watch(hub)
        client.wait(lambda c: c.events, "no snapshot")
        # Changes of the last quarter of a second come as a delta.
        marker = self.make.presence()
        self.accepted(hub.post(marker))
        user = marker["detail"]["topicName"].split(".")[2]
        client.wait(lambda c: user in fold(c.events)["agents"], "the marker did not come")
        client.close()
        board = fold(client.events)
        del board["agents"][user]
        return board, client.events[-1]

    def assert_is(self, board, expected):
        found = {key: (item["state"], item["queue"], item["agent"]) for key, item in board["conversations"].items()}
        wanted = expected.conversations()
        differ = [(key, found.get(key), wanted.get(key)) for key in {*found, *wanted} if found.get(key) != wanted.get(key)]
        self.assertEqual(differ, [], f"{len(differ)} of {len(wanted)}")
        counts = {key: (item["waiting"], item["interacting"]) for key, item in board["queues"].items()}
        for queue, count in expected.queues().items():
            self.assertEqual(counts[queue], count, queue)
        for queue, level in expected.service_levels(4).items():
            item = board["queues"][queue]
            self.assertEqual((item["answered"], item["abandoned"]), level[:2], queue)
            self.assertAlmostEqual(item["serviceLevel"], level[2], delta=0.06)
        for user, (presence, since) in expected.presence.items():
            agent = board["agents"][user]
            self.assertEqual((agent["presence"], millis(agent["presenceSince"])), (presence, since), agent)
        for user, (routing, since) in expected.routing.items():
            agent = board["agents"][user]
            self.assertEqual((agent["routingStatus"], millis(agent["routingStatusSince"])), (routing, since), agent)
        for key, (state, _, user) in wanted.items():
            if state in ("connected", "hold"):
                self.assertIsNotNone(board["agents"][user]["conversation"], key)

    def test_the_board_is_what_the_events_say_in_any_order(self):
        events = self.day(self.count(4_000, 20_000))
        expected = ContactBoard()
        for event in events:
            expected.tell(event)
        self.assertGreater(len(expected.conversations()), 50)
        states = {state for state, _, _ in expected.conversations().values()}
        self.assertLessEqual({"ivr", "connected", "wrapup"}, states)
        self.assertTrue(any(0 < level < 100 for _, _, level in expected.service_levels(4).values()))
        hub = self.hub(LIVE)
        watcher = self.watch(hub)
        self.send(hub, events, seed=3)
        board, last = self.board_now(hub)
        self.assert_is(board, expected)
        # Who watched all the time has the same by changes alone.
        watcher.wait(lambda c: c.events[-1][2]["sequence"] >= last[2]["sequence"], "changes are missing")
        self.assertEqual([kind for _, kind, _ in watcher.events[:1]], ["snapshot"])
        self.assertEqual({kind for _, kind, _ in watcher.events[1:]}, {"delta"})
        numbers = [data["sequence"] for _, _, data in watcher.events]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        followed = fold(watcher.events)
        for part in ("queues", "conversations"):
            self.assertEqual(followed[part], board[part])
        self.assertEqual(watcher.retry, 2000)

    def test_who_comes_back_misses_nothing(self):
        events = self.day(self.count(2_000, 8_000))
        hub = self.hub(LIVE)
        first = self.watch(hub)
        self.send(hub, events[:len(events) // 2])
        first.wait(lambda c: len(c.events) > 1, "no change")
        first.close()
        seen = list(first.events)
        self.send(hub, events[len(events) // 2:])
        hub.drained("dashboard")
        again = self.watch(hub, last=seen[-1][0])
        board, last = self.board_now(hub)
        again.wait(lambda c: c.events and c.events[-1][2]["sequence"] >= last[2]["sequence"], "changes are missing")
        self.assertEqual({kind for _, kind, _ in again.events}, {"delta"})
        self.assertEqual(again.events[0][2]["sequence"], seen[-1][2]["sequence"] + 1)
        self.assertEqual(fold(again.events, fold(seen))["conversations"], board["conversations"])
        other = self.watch(hub, last="0-1").wait(lambda c: c.events, "nothing came")
        self.assertEqual(other.events[0][1], "snapshot", "an id of another run")

    def test_the_same_board_after_a_kill_without_a_replay(self):
        events = self.day(self.count(3_000, 15_000))
        hub = self.hub(LIVE)
        self.send(hub, events)
        before, _ = self.board_now(hub)
        hub.drained("dashboard")
        hub.kill()
        hub.start()
        client = self.watch(hub).wait(lambda c: c.events, "no snapshot")
        after = fold(client.events[:1])
        for agent in list(after["agents"].values()):
            if agent["id"] not in before["agents"]:
                del after["agents"][agent["id"]]  # the marker of the first look
        self.assertEqual(after, before)
        self.assertLess(hub.consumer("dashboard")["statistics"]["delivered"], 50, "it came from the state")

    def test_a_kill_in_the_middle_loses_nothing_of_the_board(self):
        events = self.day(self.count(3_000, 15_000))
        expected = ContactBoard()
        for event in events:
            expected.tell(event)
        hub = self.hub(LIVE)
        for third in range(3):
            self.send(hub, events[third::3], seed=third)
            if third < 2:
                hub.kill()
                hub.start()
        board, _ = self.board_now(hub)
        self.assert_is(board, expected)

    def test_a_reader_that_never_reads_is_cut_and_costs_the_consumer_nothing(self):
        hub = self.hub(LIVE, limits={"write_timeout": "2s"})
        with socket.socket() as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.connect(("127.0.0.1", hub.port))
            lazy.sendall(f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            reader = self.watch(hub)
            users = [self.make.uuid() for _ in range(3_000)]
            cut = False
            began = time.monotonic()
            while not cut and time.monotonic() - began < 60:
                self.send(hub, [self.make.presence(user) for user in users])
                hub.drained("dashboard", within=20)
                cut = hub.metrics().get("trunkline_live_subscribers", consumer="dashboard") == 1
            self.assertTrue(cut, "still held")
            # The other one has everything all the while.
            reader.wait(lambda c: set(users) <= set(fold(c.events)["agents"]), "the reader that reads missed changes")
            self.assertIsNone(reader.ended)
            lazy.settimeout(20)
            received = b""
            try:
                while part := lazy.recv(65536):
                    received += part
            except ConnectionResetError:
                pass
            self.assertFalse(received.endswith(b"0\r\n\r\n"), "it is to see that the body was not finished")

    def test_keys_and_parts(self):
        hub = self.hub(LIVE, api={"keys": ["board-key"]})
        answer = request(hub.address, "GET", PATH)
        self.assertEqual(answer.status, 401)
        self.assertEqual(request(hub.address, "GET", PATH + "?key=other").status, 401)
        self.assertEqual(request(hub.address, "GET", "/api/v1/status?key=board-key").status, 401)
        client = self.watch(hub, path=PATH + "?key=board-key&only=agents").wait(lambda c: c.events, "no snapshot")
        self.assertEqual(set(client.events[0][2]), {"sequence", "at", "agents"})
        self.assertEqual(client.headers["content-type"], "text/event-stream")
        self.watch(hub, headers=["x-api-key: board-key"]).wait(lambda c: c.events, "no snapshot")
        self.assertNotIn("board-key", hub.child.log.read_text())

    def test_streams_end_properly_when_the_hub_stops(self):
        hub = self.hub(LIVE)
        client = self.watch(hub).wait(lambda c: c.events, "no snapshot")
        self.assertEqual(hub.stop(), 0)
        client.wait(lambda c: c.ended, "still open")
        self.assertEqual(client.ended, "properly")

    def test_a_client_made_as_browsers_are_keeps_the_same_board(self):
        node.modules(self)
        events = self.day(self.count(2_000, 8_000))
        hub = self.hub(LIVE, api={"keys": ["board-key"]})
        last = self.make.presence()
        until = last["detail"]["topicName"].split(".")[2]
        result = {}

        def run():
            try:
                result["board"] = node.run(self, "live.mjs", {"url": f"{hub.url}{PATH}?key=board-key", "until": until}, 120)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                result["error"] = str(error)

        thread = threading.Thread(target=run)
        thread.start()
        self.send(hub, events)
        time_out = time.monotonic() + 60
        self.until(lambda: self.drained_with_key(hub) or time.monotonic() > time_out, "not drained")
        self.accepted(hub.post(last))
        client = self.watch(hub, path=PATH + "?key=board-key")
        client.wait(lambda c: until in fold(c.events)["agents"], "the marker did not come")
        thread.join(120)
        self.assertNotIn("error", result)
        self.assertEqual(result["board"], fold(client.events))

    def drained_with_key(self, hub):
        answer = request(hub.address, "GET", "/api/v1/consumers/dashboard", headers={"x-api-key": "board-key"})
        consumer = answer.json
        return consumer["delivered"] > 0 and consumer["waiting"] + consumer["in_flight"] == 0
