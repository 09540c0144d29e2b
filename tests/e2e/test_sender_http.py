"""How events may be framed: what real clients do, and what they should not."""
import gzip
import json
import subprocess
import zlib

from harness import raw
from harness.case import HubTest
from harness.events import text
from harness.process import KEY


class SenderHttp(HubTest):
    def setUp(self):
        super().setUp()
        self.now = self.hub({"all": {"filter": {}}})

    def event(self, **body):
        return text(self.make.conversation(**body))

    def verdicts(self, answer):
        self.assertIsNotNone(answer, "closed without an answer")
        self.assertEqual(answer[0], 200, answer)
        return [result["verdict"] for result in json.loads(answer[2])["results"]]

    # ---- encodings

    def test_gzip_and_deflate_bodies(self):
        for name, packed in (("gzip", gzip.compress(self.event())), ("deflate", zlib.compress(self.event()))):
            answer = self.now.post(packed, headers={"content-encoding": name})
            self.assertEqual((answer.status, answer.verdicts()), (200, ["accepted"]), name)

    def test_a_broken_gzip_body_is_quarantined(self):
        packed = gzip.compress(self.event())
        for broken in (packed[:-9], packed[:20], b"no gzip at all"):
            answer = self.now.post(broken, headers={"content-encoding": "gzip"})
            self.assertEqual((answer.status, answer.verdicts()), (200, ["quarantined"]), broken)

    def test_a_gzip_bomb_is_refused_and_the_hub_lives(self):
        bomb = gzip.compress(b" " * (64 << 20))
        self.assertEqual(self.now.post(bomb, headers={"content-encoding": "gzip"}).status, 503)
        self.accepted(self.now.post(self.event()))

    # ---- framing

    def test_chunked_bodies_of_any_chunk_size(self):
        with raw.RawConnection(self.now.address) as connection:
            for size in (1, 7, 4096):
                head = raw.post(b"", headers=["Transfer-Encoding: chunked"], framing=False)
                connection.send(head + raw.chunked(self.event(), size))
                self.assertEqual(self.verdicts(connection.read_answer()), ["accepted"], size)

    def test_chunk_extensions_and_trailers_are_skipped(self):
        body = self.event()
        framed = b"%x;name=\"value\"\r\n" % len(body) + body + b"\r\n0\r\nx-check: 1\r\n\r\n"
        with raw.RawConnection(self.now.address) as connection:
            connection.send(raw.post(b"", headers=["Transfer-Encoding: chunked"], framing=False) + framed)
            self.assertEqual(self.verdicts(connection.read_answer()), ["accepted"])

    def test_one_byte_at_a_time(self):
        with raw.RawConnection(self.now.address) as connection:
            for byte in raw.post(self.event()):
                connection.send(bytes([byte]))
            self.assertEqual(self.verdicts(connection.read_answer()), ["accepted"])

    def test_pipelined_requests_are_answered_in_their_order(self):
        events = [self.event() for _ in range(200)]
        with raw.RawConnection(self.now.address) as connection:
            connection.send(b"".join(raw.post(event) for event in events))
            for event in events:
                answer = json.loads(connection.read_answer()[2])
                self.assertEqual(answer["results"][0]["id"], json.loads(event)["id"])

    def test_a_half_closed_socket_still_gets_all_its_answers(self):
        with raw.RawConnection(self.now.address) as connection:
            connection.send(b"".join(raw.post(self.event()) for _ in range(20)))
            connection.half_close()
            answers = connection.read_to_end()
        self.assertEqual(answers.count(b"HTTP/1.1 200 "), 20)

    def test_a_request_cut_short_stores_nothing(self):
        with raw.RawConnection(self.now.address) as connection:
            connection.send(raw.post(self.event())[:-10])
            connection.half_close()
            self.assertNotIn(b"HTTP/1.1 200", connection.read_to_end())
        self.assertEqual(self.now.metrics().get("trunkline_events_accepted_total"), 0)

    def test_http_1_0_is_answered_and_closed(self):
        body = self.event()
        request = (f"POST /ingest/genesys HTTP/1.0\r\nx-api-key: {KEY}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        with raw.RawConnection(self.now.address) as connection:
            connection.send(request + body)
            self.assertEqual(self.verdicts(connection.read_answer()), ["accepted"])
            self.assertEqual(connection.read_to_end(), b"")

    def test_ambiguous_framing_is_closed_without_an_event(self):
        inner = raw.post(self.event())
        attacks = [
            raw.post(b"", headers=[f"Content-Length: {len(inner)}", "Transfer-Encoding: chunked"], framing=False)
            + b"0\r\n\r\n" + inner,
            raw.post(b"ab", headers=["Content-Length: 3"]) + inner,
            raw.post(b"", headers=["Transfer-Encoding: chunked, identity"], framing=False) + b"0\r\n\r\n" + inner,
            raw.post(b"", headers=["Transfer-Encoding : chunked"], framing=False) + b"0\r\n\r\n" + inner,
            raw.post(b"", headers=["Content-Length: +0"], framing=False) + inner,
            b"POST /ingest/genesys\r\n\r\n" + inner,
        ]
        for attack in attacks:
            with raw.RawConnection(self.now.address) as connection:
                connection.send(attack)
                self.assertNotIn(b"\"accepted\":1", connection.read_to_end(), attack[:200])
        self.assertEqual(self.now.metrics().get("trunkline_events_accepted_total"), 0)

    # ---- sizes

    def test_a_body_of_two_megabytes(self):
        event = self.event(note="x" * (2 << 20))
        self.accepted(self.now.post(event))

    def test_a_body_over_the_limit_is_answered_503_or_closed(self):
        try:
            self.assertEqual(self.now.post(self.event(note="x" * (9 << 20))).status, 503)
        except (ConnectionError, BrokenPipeError):
            pass  # closed while it was sent
        self.accepted(self.now.post(self.event()))

    def test_a_declared_length_over_the_limit_is_answered_before_it_is_sent(self):
        with raw.RawConnection(self.now.address) as connection:
            connection.send(raw.post(b"", headers=["Content-Length: 99999999999"], framing=False))
            self.assertEqual(connection.read_answer()[0], 503)

    def test_an_empty_body_is_quarantined(self):
        for body in (b"", b"  \r\n "):
            self.assertEqual(self.now.post(body).verdicts(), ["quarantined"])

    # ---- curl

    def curl(self, *arguments, body):
        done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "20", "--verbose", "-H", f"x-api-key: {KEY}",
                               "-H", "content-type: application/json", "--data-binary", "@-", *arguments,
                               f"{self.now.url}/ingest/genesys"], input=body, capture_output=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), done.stderr.decode(errors="replace")

    def test_curl_with_expect_100_continue(self):
        answer, talk = self.curl("-H", "Expect: 100-continue", "--expect100-timeout", "15", body=self.event())
        self.assertEqual(answer["accepted"], 1)
        self.assertIn("100 Continue", talk)

    def test_curl_with_a_large_body_waits_for_100_by_itself(self):
        answer, talk = self.curl("--expect100-timeout", "15", body=self.event(note="x" * (2 << 20)))
        self.assertEqual(answer["accepted"], 1)
        self.assertIn("100 Continue", talk)

    def test_curl_with_a_chunked_body(self):
        answer, _ = self.curl("-H", "Transfer-Encoding: chunked", body=self.event())
        self.assertEqual(answer["accepted"], 1)
