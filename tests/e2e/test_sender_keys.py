"""Who may send: a failed credential is answered so that the sender keeps the event."""
from harness.case import HubTest
from harness.events import text
from harness.process import request


class SenderKeys(HubTest):
    def sources(self):
        rotated = [{"key": "old-key", "until": "2020-01-01"}, {"key": "leaving-key", "until": "2999-01-01T06:00:00Z"},
                   "${env:TEST_KEY}"]
        return {
            "genesys": {"kind": "eventbridge", "auth": {"api_key": "${env:TEST_KEY}"}},
            "rotated": {"kind": "eventbridge", "auth": {"api_key": rotated}},
            "grid": {"kind": "eventgrid", "auth": {"query_key": ["grid-key", "next-key"]}},
            "named": {"kind": "genesys", "auth": {"header": "Authorization", "api_key": "Bearer abc", "query": "token",
                                                  "query_key": "in-query"}},
            "open": {"kind": "genesys"},
        }

    def setUp(self):
        super().setUp()
        self.hub_now = self.hub({"all": {"filter": {}}}, sources=self.sources())

    def post(self, source, key=None, query="", headers=None):
        return self.hub_now.post(self.make.conversation(), source, key, headers, query)

    def test_eventbridge_answers_401_which_is_retried(self):
        for key in (None, "", "wrong", "test-key-12", "test-key-", "TEST-KEY-1"):
            answer = self.post("genesys", key)
            self.assertEqual(answer.status, 401, key)
            self.assertIn("www-authenticate", answer.headers)
        self.assertEqual(self.post("genesys", "test-key-1").status, 200)

    def test_eventgrid_answers_503_because_it_drops_401(self):
        for query in ("", "?code=", "?code=wrong", "?other=grid-key"):
            self.assertEqual(self.post("grid", query=query).status, 503, query)
        for query in ("?code=grid-key", "?code=next-key", "?a=b&code=grid%2Dkey"):
            self.assertEqual(self.post("grid", query=query).status, 200, query)

    def test_rotated_keys_hold_until_their_end(self):
        self.assertEqual(self.post("rotated", "old-key").status, 401)
        self.assertEqual(self.post("rotated", "leaving-key").status, 200)
        self.assertEqual(self.post("rotated", "test-key-1").status, 200)

    def test_header_and_query_parameter_can_be_named(self):
        self.assertEqual(self.post("named", headers={"authorization": "Bearer abc"}).status, 200)
        self.assertEqual(self.post("named", query="?token=in-query").status, 200)
        self.assertEqual(self.post("named", key="Bearer abc").status, 401)
        self.assertEqual(self.post("named", query="?code=in-query").status, 401)

    def test_a_source_without_keys_is_open_on_loopback(self):
        self.assertEqual(self.post("open").status, 200)

    def test_an_unknown_source_answers_503_so_that_nothing_is_dropped(self):
        for source in ("nobody", "", "genesys/", "Genesys"):
            self.assertEqual(self.post(source, "test-key-1").status, 503, source)

    def test_no_answer_is_400_403_408_413_or_431(self):
        sends = [
            lambda: self.post("genesys", "wrong"),
            lambda: self.post("grid", query="?code=wrong"),
            lambda: self.hub_now.post(b"{", "genesys"),
            lambda: self.hub_now.post(b"", "genesys"),
            lambda: self.hub_now.post(b"x" * (9 << 20), "genesys"),
            lambda: self.hub_now.post(b"[" * 5000, "genesys"),
            lambda: self.hub_now.post(text(self.make.conversation()), "genesys", headers={"content-type": "text/weird"}),
            lambda: self.hub_now.post(text(self.make.conversation()), "genesys", headers={"content-encoding": "br"}),
            lambda: self.hub_now.post(text(self.make.conversation()), "genesys", headers={"x-large": "x" * 60_000}),
        ]
        for number, send in enumerate(sends):
            try:
                status = send().status
            except OSError:
                continue  # closed: as good as 503 to every sender
            self.assertIn(status, (200, 401, 503), f"request {number}")

    def test_a_get_is_not_taken_for_an_event(self):
        answer = request(self.hub_now.address, "GET", "/ingest/genesys", headers={"x-api-key": "test-key-1"})
        self.assertEqual((answer.status, answer.headers["allow"]), (405, "POST"))
