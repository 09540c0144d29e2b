"""Transcripts of conversations that have ended: from Genesys to the case in Salesforce, apart from the case itself."""
import unittest

from harness import node
from harness.case import HubTest
from harness.genesys import SECRET, Genesys, transcript
from harness.process import command
from harness.salesforce import FIELD, Salesforce

SAID = transcript(("external", 3, "My word is purple elephant."), ("internal", 1, "How may I help?"))
TEXT = "00:00:00 Agent: How may I help?\n00:00:02 Customer: My word is purple elephant.\n"


class Transcripts(HubTest):
    def setUp(self):
        super().setUp()
        self.genesys = Genesys()
        self.server = self.receiver(self.genesys)
        self.genesys.base = self.server.url.removesuffix("/hook")
        self.org = Salesforce()
        self.addCleanup(self.org.close)

    def consumer(self, **more):
        return {"filter": {"eventType": ["v2.detail.events.conversation.{id}.customer.end"]}, "order": "conversation",
                "retry": {"base": "20ms", "cap": "1s"}, "breaker": {"probe_every": "200ms", "probe_cap": "400ms"},
                "attempts": 1,
                "sink": {"transcript": {
                    "genesys": {"api_url": self.genesys.base, "login_url": self.genesys.base, "client_id": "client-1",
                                "client_secret": "${env:GENESYS_SECRET}"},
                    "url": self.org.url, "allow_loopback": True, "ask_every": "1s",
                    "oauth": {"client_id": "hub", "client_secret": "${env:GENESYS_SECRET}"}, **more}}}

    def cases(self):
        return {"filter": {}, "order": "conversation", "retry": {"base": "20ms", "cap": "200ms"},
                "sink": {"salesforce": {"url": self.org.url, "allow_loopback": True,
                                        "oauth": {"client_id": "hub", "client_secret": "${env:GENESYS_SECRET}"}}}}

    def hub(self, consumers=None, **more):
        return super().hub(consumers or {"transcripts": self.consumer()}, env={"GENESYS_SECRET": SECRET}, **more)

    def ended(self, hub, ready=True):
        conversation, session = self.make.uuid(), self.make.uuid()
        if ready:
            self.genesys.transcripts[(conversation, session)] = SAID
        self.accepted(hub.post([self.make.conversation(conversation, "customer.start", sessionId=session),
                                self.make.conversation(conversation, "customer.end", sessionId=session)]), 2)
        return conversation, session

    def test_each_transcript_is_at_its_case_once_over_kills_and_lost_answers(self):
        hub = self.hub({"crm": self.cases(), "transcripts": self.consumer()})
        self.org.file_faults = [None, 503, None, 500]
        wanted = {}
        for turn in range(8):
            conversation, session = self.ended(hub)
            self.genesys.not_ready[(conversation, session)] = turn % 3
            wanted[f"Genesys transcript {conversation} {session}"] = conversation
            if turn % 3 == 2:
                hub.kill()
                hub.start()
        hub.drained("transcripts")
        self.assertEqual(sorted(file["Title"] for file in self.org.files), sorted(wanted))
        for file in self.org.files:
            self.assertEqual(file["text"], TEXT)
            self.assertEqual(file["FirstPublishLocationId"], self.org._id_of(wanted[file["Title"]], self.org.cases))
        self.assertEqual(hub.consumer("transcripts")["dead_letters"], 0)
        shown = hub.child.tail(100000) + str(hub.consumer("transcripts"))
        for secret in (SECRET, "token-1", "signed-for", "purple elephant"):
            self.assertNotIn(secret, shown)

    def test_a_transcript_that_never_comes_holds_no_case_up_and_opens_no_breaker(self):
        hub = self.hub({"crm": self.cases(), "transcripts": self.consumer()})
        missing = [self.ended(hub, ready=False) for _ in range(12)]
        conversation, session = self.ended(hub)
        hub.drained("crm")
        self.assertEqual({case[FIELD]: case["Status"] for case in self.org.cases.values()},
                         {each: "Closed" for each, _ in [*missing, (conversation, session)]})
        self.until(lambda: len(self.org.files) == 1, "the one that is ready")
        self.until(lambda: len(self.genesys.asked) > 30, "they are asked for again")
        self.assertEqual(hub.consumer("transcripts")["breaker"], "closed")
        for key in missing:
            self.genesys.transcripts[key] = SAID
        hub.drained("transcripts")
        self.assertEqual(len(self.org.files), 13)

    def test_a_field_of_the_case_holds_the_text(self):
        hub = self.hub({"crm": self.cases(), "transcripts": self.consumer(attach="field", field="Transcript__c")})
        conversation, _ = self.ended(hub)
        hub.drained("transcripts")
        hub.drained("crm")
        self.assertEqual(self.org.cases[conversation]["Transcript__c"], TEXT)
        self.assertEqual(self.org.files, [])

    def test_a_check_tries_both_sides_and_protection_leaves_nothing_to_send(self):
        self.hub(start=False)
        env = {"GENESYS_SECRET": SECRET, "TEST_KEY": "k"}
        tried = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=env)
        self.assertIn("Case is there", tried.stdout)
        self.genesys.client = "another"
        tried = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=env)
        self.assertIn("Genesys: oauth", tried.stdout)
        self.hub({"transcripts": {**self.consumer(), "privacy": "protect"}}, start=False)
        refused = command("check", "-c", "trunkline.yaml", cwd=self.directory, env=env)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("nothing that may leave", refused.stderr)


class VendorsClient(HubTest):
    def setUp(self):
        super().setUp()
        node.modules(self, "vendors")
        self.genesys = Genesys([{"id": f"user-{i}", "name": f"Ada {i} Ünïcode"} for i in range(60)],
                               [{"id": "queue-1", "name": "Sales"}])
        server = self.receiver(self.genesys)
        self.genesys.base = server.url.removesuffix("/hook")
        self.genesys.transcripts[("c-1", "s-1")] = SAID

    def asks(self, *wishes):
        """All in one process, which takes longer to load the client than to ask."""
        given = {"url": self.genesys.base, "client_id": "client-1", "client_secret": SECRET, "conversation": "c-1", "communication": "s-1"}
        return node.run(self, "genesys_client.mjs", [{**given, **wish} for wish in wishes], folder="vendors", timeout=300)

    def test_genesyss_own_client_is_served_by_the_api_that_the_hub_is_tested_against(self):
        [said] = self.asks({})
        self.assertEqual([(user["id"], user["name"]) for user in said["users"]], [(f"user-{i}", f"Ada {i} Ünïcode") for i in range(60)])
        self.assertEqual([(queue["id"], queue["name"]) for queue in said["queues"]], [("queue-1", "Sales")])
        self.assertEqual(said["transcript"], SAID)
        self.assertEqual(self.genesys.tokens, 1)
        self.assertEqual(self.genesys.asked, ["/api/v2/users"] * 3 + ["/api/v2/routing/queues"] + [
            "/api/v2/speechandtextanalytics/conversations/c-1/communications/s-1/transcripturl"], "the paths that the hub asks, too")

    def test_it_reads_the_errors_as_genesys_makes_them(self):
        said = self.asks({"communication": "s-2"}, {"client_secret": "wrong"}, {"token": "token-of-yesterday"})
        self.assertEqual([each["failed"] for each in said], [
            {"status": 404, "code": "not.found"}, {"status": 400, "code": "invalid_client"}, {"status": 401, "code": "bad.credentials"}])
        self.genesys.forbidden, self.genesys.busy = "/api/v2/routing/queues", 1
        self.assertEqual([each["failed"] for each in self.asks({}, {})], [
            {"status": 429, "code": "too.many.requests", "wait": "1"}, {"status": 403, "code": "missing.permissions"}])


if __name__ == "__main__":
    unittest.main()
