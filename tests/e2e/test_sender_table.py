"""What each sender is answered in each failure, and what it does with that: the rows of docs/senders.md, each one run."""
import base64
import contextlib
import json
import os
import signal
import threading
import time

from harness import raw, settings
from harness.case import HubTest, http_sink
from harness.events import text
from harness.process import KEY

KINDS = ("eventbridge", "eventgrid", "genesys")

DONE = {"eventbridge": "done", "eventgrid": "done", "genesys": "done"}
AGAIN = {
    "eventbridge": "sends it again, up to 24 h and 185 times, then to the rule's dead-letter queue",
    "eventgrid": "sends it again after 30 s at least, up to 24 h and 30 times, then to the dead-letter container",
    "genesys": "has to send it again after `Retry-After`",
}
NO_CREDENTIAL = {
    "eventbridge": ("401 unauthenticated", "asks for a new OAuth token if it uses one, then sends it again as at 503"),
    "eventgrid": ("503 unauthenticated", AGAIN["eventgrid"]),
    "genesys": ("401 unauthenticated", "has to keep it until the credential is mended"),
}


def same(answer, then):
    return {kind: (answer, then[kind]) for kind in KINDS}


# Situation, how it is brought about (a method of Situations), and for each kind of source: the answer, and what that
# sender does with it by its own documentation.
ROWS = [
    ("a good event", "good", same("200 accepted", DONE)),
    ("the same event again", "repeated", same("200 duplicate", DONE)),
    ("no credential, or a wrong one", "bad_key", NO_CREDENTIAL),
    ("a key that was changed: the old one until its end date", "leaving_key", same("200 accepted", DONE)),
    ("a key that was changed: the old one from its end date on", "ended_key", NO_CREDENTIAL),
    ("a signed token while the issuer's keys cannot be fetched", "keys_down", same("503 keys_unavailable", AGAIN)),
    ("a source that is not configured", "unknown_source", same("503 unknown_source", AGAIN)),
    ("a body over `limits.body_bytes`", "too_large", same("503 and closed", AGAIN)),
    ("JSON nested too deep", "too_deep", same("200 quarantined", DONE)),
    ("a malformed body", "malformed", same("200 quarantined", DONE)),
    ("a malformed body while the quarantine is full", "full_quarantine", same("503 failed", AGAIN)),
    ("a full disk, or disk budget", "full_disk", same("503 failed", AGAIN)),
    ("overload: more bodies than `limits.buffered_bytes`", "overload", same("503 and closed", AGAIN)),
    ("a commit that takes longer than 3.5 s", "slow_commit", same("503 slow_disk", AGAIN)),
    ("the hub is stopping", "stopping", same("503 stopping", AGAIN)),
    ("what is not HTTP", "not_http", same("closed", AGAIN)),
]

PAGE = settings.ROOT / "docs/senders.md"


def rows_of_page():
    rows = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if len(cells) == 4 and cells[1] in KINDS:
            rows[cells[0], cells[1]] = (cells[2], cells[3])
    return rows


def table():
    lines = ["| situation | source | answer | what the sender does |", "|---|---|---|---|"]
    for situation, _, answers in ROWS:
        lines += [f"| {situation} | {kind} | {answers[kind][0]} | {answers[kind][1]} |" for kind in KINDS]
    return "\n".join(lines)


class Situations(HubTest):
    """Each method gives a function that sends once, as a sender of that kind of source, and says what it was answered."""

    def sources(self, **auth):
        return {kind: {"kind": kind, "auth": auth or {"api_key": "${env:TEST_KEY}"}} for kind in KINDS}

    def plain_hub(self, consumers=None, **root):
        root.setdefault("sources", self.sources())
        return self.hub(consumers or {"all": {"filter": {}}}, **root)

    def word(self, answer):
        """"200 accepted", "503 slow_disk", "401 unauthenticated"."""
        if answer.status == 503:
            self.assertIn("retry-after", answer.headers, answer)
        value = answer.json
        if "error" in value:
            return f"{answer.status} {value['error']['code']}"
        return f"{answer.status} {value['results'][0]['verdict']}"

    def poster(self, hub, body=None, key=KEY, headers=None):
        return lambda kind: self.word(hub.post(body or self.make.conversation(), kind, key, headers))

    def raw_word(self, answer):
        if answer is None:
            return "closed"
        return f"{answer[0]} and closed" if answer[1].get("connection") == "close" else str(answer[0])

    def raw_sender(self, hub, data):
        def send(kind):
            with raw.RawConnection(hub.address) as connection:
                connection.send(data(kind))
                return self.raw_word(connection.read_answer())
        return send

    def good(self):
        return self.poster(self.plain_hub())

    def repeated(self):
        hub, event = self.plain_hub(), self.make.conversation()
        self.accepted(hub.post(event, "genesys"))
        return self.poster(hub, event)

    def bad_key(self):
        return self.poster(self.plain_hub(), key="wrong")

    def rotated(self, until):
        return self.plain_hub(sources=self.sources(api_key=[{"key": "old", "until": until}, "${env:TEST_KEY}"]))

    def leaving_key(self):
        return self.poster(self.rotated("2999-01-01"), key="old")

    def ended_key(self):
        hub = self.rotated("2020-01-01")
        for kind in KINDS:
            self.assertEqual(self.poster(hub)(kind), "200 accepted", "the new one, meanwhile")
        return self.poster(hub, key="old")

    def keys_down(self):
        def part(value):
            return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
        issuer = "http://127.0.0.1:1"  # where nobody listens
        token = ".".join((part({"alg": "RS256", "kid": "1"}),
                          part({"iss": issuer, "aud": "hub", "exp": int(time.time()) + 600}), part("signature")))
        hub = self.plain_hub(sources=self.sources(jwt={"issuer": issuer, "audience": "hub", "allow_loopback": True}))
        return self.poster(hub, key=None, headers={"authorization": f"Bearer {token}"})

    def unknown_source(self):
        hub = self.plain_hub()
        return lambda kind: self.word(hub.post(self.make.conversation(), f"{kind}-2"))

    def too_large(self):
        head = f"Content-Length: {9 << 20}"
        return self.raw_sender(self.plain_hub(), lambda kind: raw.post(b"", f"/ingest/{kind}", headers=[head], framing=False))

    def too_deep(self):
        return self.poster(self.plain_hub(), b"[" * 1200 + b"]" * 1200)

    def malformed(self):
        return self.poster(self.plain_hub(), b'{"detail": ')

    def full_quarantine(self):
        hub = self.plain_hub(store={"quarantine_budget": "1MiB"})

        def refused():
            return hub.post(b"{" + os.urandom(100_000).hex().encode()).status == 503

        self.until(refused, "the quarantine takes more than its budget")
        for kind in KINDS:
            self.assertEqual(self.poster(hub)(kind), "200 accepted", "good events go on")
        return self.poster(hub, b"{" + os.urandom(100_000).hex().encode())

    def full_disk(self):
        sink = self.receiver()
        hub = self.plain_hub({"crm": {"filter": {}, "paused": True, "on_full": "refuse", "sink": http_sink(sink.url)}},
                             store={"disk_budget": "64MiB", "memory_budget": "16MiB"})

        def refused():
            return hub.post(self.make.conversation(note=os.urandom(256 << 10).hex()), "genesys").status == 503

        self.until(refused, "the disk budget is not full", within=120)
        self.until(lambda: hub.get("/readyz").status == 503, "ready although the budget is full")
        return self.poster(hub)

    def overload(self):
        hub = self.plain_hub(limits={"buffered_bytes": "16MiB"})
        size = 8 << 20
        body = text(self.make.conversation(note="x" * 4096))
        send = self.raw_sender(hub, lambda kind: raw.post(body, f"/ingest/{kind}"))

        def full():
            # Two unfinished bodies fill it; one that comes too early or too many is refused, and another takes its place.
            connection = raw.RawConnection(hub.address)
            self.addCleanup(connection.socket.close)
            head = [f"Content-Length: {size}"]
            with contextlib.suppress(OSError):
                connection.send(raw.post(b" " * (size - 1), "/ingest/genesys", headers=head, framing=False))
            return send("genesys") != "200"

        self.until(full, "not overloaded")
        return send

    def slow_commit(self):
        hub = self.plain_hub()
        hub.stop()
        # The policies are stored: no commit before the first event.
        hub.start(TRUNKLINE_FAILPOINTS="commit.before_sync=hold@1+6000")

        def send(kind):
            began = time.monotonic()
            word = self.word(hub.post(self.make.conversation(), kind))
            self.assertLess(time.monotonic() - began, 4.9, "EventBridge waits 5 s")
            return word
        return send

    def stopping(self):
        release = threading.Event()
        self.addCleanup(release.set)

        def answer(_):
            release.wait(60)
            return 200

        sink = self.receiver(answer)
        hub = self.plain_hub({"crm": {"filter": {}, "sink": http_sink(sink.url)}})
        self.accepted(hub.post(self.make.conversation(), "genesys"))
        self.until(sink.deliveries, "not sent")
        hub.child.process.send_signal(signal.SIGTERM)
        self.until(lambda: hub.get("/readyz").status == 503, "still ready while stopping")
        return self.poster(hub)

    def not_http(self):
        return self.raw_sender(self.plain_hub(), lambda kind: b"\x16\x03\x01\x02\x00\x01 TLS at a plain listener\r\n\r\n")


class SenderTable(Situations):
    def test_the_page_has_the_same_rows(self):
        expected = {(situation, kind): answers[kind] for situation, _, answers in ROWS for kind in KINDS}
        self.assertEqual(rows_of_page(), expected, "the table should be:\n" + table())

    def test_no_answer_makes_a_sender_drop_its_event(self):
        dropped = {"eventbridge": (400, 403, 404, 408, 413, 431), "eventgrid": (400, 401, 403, 413), "genesys": (400, 403)}
        for situation, _, answers in ROWS:
            for kind in KINDS:
                self.assertNotIn(answers[kind][0][:3], map(str, dropped[kind]), situation)


def one_row(situation, method, answers):
    def test(self):
        send = getattr(self, method)()
        for kind in KINDS:
            with self.subTest(kind):
                self.assertEqual(send(kind), answers[kind][0])
    test.__doc__ = situation
    return test


for _situation, _method, _answers in ROWS:
    setattr(SenderTable, f"test_row_{_method}", one_row(_situation, _method, _answers))
