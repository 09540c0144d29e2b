"""Events are watched as they are accepted."""
import http.client
import json
import socket
import subprocess
import urllib.parse

from harness import settings
from harness.case import HubTest, http_sink
from harness.process import KEY, command


class Stream:
    """GET /api/v1/tap, read by Python's own HTTP client."""

    def __init__(self, hub, **query):
        self.connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=30)
        self.connection.request("GET", "/api/v1/tap?" + urllib.parse.urlencode(query))
        self.response = self.connection.getresponse()
        self.status = self.response.status

    def next(self):
        """(event, data) of the next one that is no sign of life."""
        kind, data = "message", None
        while True:
            line = self.response.readline().decode()
            if line == "":
                return None
            line = line.rstrip("\n")
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                data = json.loads(line[6:])
            elif line == "" and data is not None:
                return kind, data

    def close(self):
        self.response.close()
        self.connection.close()


class Tap(HubTest):
    def watched(self):
        return self.hub({"crm": {"filter": {"eventCategory": ["conversation"]}},
                         "all": {"filter": {}, "sink": http_sink(self.receiver().url)}})

    def stream(self, hub, **query):
        stream = Stream(hub, **query)
        self.addCleanup(stream.close)
        return stream

    def test_events_are_told_in_order_with_who_gets_them(self):
        hub = self.watched()
        self.accepted(hub.post(self.make.conversation()))
        stream = self.stream(hub)
        self.assertEqual(stream.response.getheader("content-type"), "text/event-stream")
        self.assertEqual(stream.next(), ("open", {"after": 1}))
        conversation = self.make.conversation()
        [first] = self.accepted(hub.post(conversation))
        [second] = self.accepted(hub.post(self.make.presence()))
        self.assertEqual(hub.post(conversation).verdicts(), ["duplicate"])
        [third] = self.accepted(hub.post(self.make.conversation()))
        told = [stream.next()[1] for _ in range(3)]
        self.assertEqual([event["sequence"] for event in told], [first, second, third])
        self.assertEqual(told[0]["consumers"], ["crm", "all"])
        self.assertEqual(told[0]["conversation_id"], conversation["detail"]["eventBody"]["conversationId"])
        self.assertEqual(told[1]["consumers"], ["all"])
        self.assertNotIn("event", told[0])

    def test_filter_category_consumer_and_body(self):
        hub = self.watched()
        streams = [self.stream(hub, filter='{"eventCategory":["conversation"]}', body="1"),
                   self.stream(hub, category="agent,conversation", consumer="crm"),
                   self.stream(hub, filter='{"detail":{"topicName":[{"suffix":".attributes"}]}}',
                               filter_scope="MessageBody")]
        for stream in streams:
            self.assertEqual(stream.next()[0], "open")
        wanted = self.make.conversation()
        self.accepted(hub.post(self.make.presence()))
        [sequence] = self.accepted(hub.post(wanted))
        for stream in streams:
            kind, event = stream.next()
            self.assertEqual((kind, event["sequence"]), ("event", sequence))
            self.assertEqual(event.get("event"), wanted if stream is streams[0] else None)

    def test_wrong_queries_are_refused(self):
        hub = self.watched()
        for query, status, word in ((dict(filter='{"a":[]}'), 400, "Empty arrays"), (dict(filter="{"), 400, "policy"),
                                    (dict(consumer="nobody"), 404, "nobody"), (dict(rate="fast"), 400, "fast"),
                                    (dict(filter_scope="Body"), 400, "MessageBody")):
            stream = self.stream(hub, **query)
            self.assertEqual(stream.status, status, query)
            self.assertIn(word, stream.response.read().decode())

    def test_listeners_are_bounded_and_make_room_when_they_go(self):
        hub = self.watched()
        streams = [self.stream(hub) for _ in range(16)]
        self.assertEqual({stream.status for stream in streams}, {200})
        self.assertEqual(self.stream(hub).status, 503)
        for stream in streams:
            stream.close()

        def again():
            # What has gone is noticed at the latest when something is written to it.
            self.accepted(hub.post(self.make.presence()))
            return self.stream(hub).status == 200
        self.until(again, "no room after all had gone")

    def test_who_does_not_read_holds_nothing_back_and_is_told_what_it_lost(self):
        sink = self.sim_sink("all")
        hub = self.hub({"all": {"filter": {}, "sink": http_sink(sink.url, batch="array", body="raw")}},
                       limits={"write_timeout": "1h"})
        deaf = socket.create_connection(("127.0.0.1", hub.port))
        self.addCleanup(deaf.close)
        deaf.sendall(b"GET /api/v1/tap?body=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertTrue(deaf.recv(20).startswith(b"HTTP/1.1 200"))
        self.sim(hub, "sent.tsv", "--events", self.count(8_000, 50_000))
        hub.drained("all")
        deaf.settimeout(30)
        lines = deaf.makefile("rb")
        shown = 0
        for line in lines:
            shown += line == b"event: event\n"
            if line == b"event: dropped\n":
                break
        else:
            self.fail("the stream has ended")
        self.assertGreater(shown, 0)

    def test_the_command_prints_events_and_ends_after_a_count(self):
        hub = self.watched()
        child = subprocess.Popen([settings.BINARY, "tap", "--url", hub.url, "--count", "2", "--category", "conversation"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.addCleanup(child.kill)

        def heard():
            # Events are posted until the command is listening.
            self.accepted(hub.post([self.make.presence(), self.make.conversation()]), 2)
            return child.poll() is not None
        self.until(heard, "the command does not end after 2 events")
        out, err = child.communicate()
        self.assertEqual(child.returncode, 0, err)
        lines = out.decode().splitlines()
        self.assertEqual(len(lines), 2, out)
        for line in lines:
            self.assertRegex(line, r"^\d\d:\d\d:\d\d\.\d{3}Z +\d+  conversation +v2\.detail\.events\S+  \S+  -> crm, all$")

    def test_the_command_says_what_is_wrong(self):
        hub = self.watched()
        done = hub.client("tap", "--filter", '{"a":[]}')
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("Empty arrays", done.stderr)
        hub.stop()
        done = hub.client("tap")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("is the hub running", done.stderr)

    def test_a_stopping_hub_ends_the_stream(self):
        hub = self.watched()
        stream = self.stream(hub)
        self.assertEqual(stream.next()[0], "open")
        self.assertEqual(hub.stop(), 0)
        self.assertIsNone(stream.next())

    def test_needs_a_key_where_keys_are_configured(self):
        hub = self.hub({"all": {"filter": {}}}, api={"keys": ["${env:TEST_KEY}"]})
        self.assertEqual(self.stream(hub).status, 401)
        done = command("tap", "--url", hub.url, "--key", KEY, "--count", "0", "--filter", "{", timeout=60)
        self.assertEqual(done.returncode, 1, "the key is good, the filter is not")
