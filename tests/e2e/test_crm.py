"""Cases in Salesforce, and requests by templates to others."""
import json
import random
import unittest

from harness import node, settings
from harness.case import HubTest
from harness.events import text
from harness.process import command
from harness.salesforce import FIELD, Salesforce

LIFECYCLE = "tests/fixtures/genesys"
SECRET = "s3cret-of-the-client"
CASE = {"Status": "Closed", "Agent__c": "15df8587-1af5-44a5-a848-319159c0ba82", "Sentiment__c": -21.5, "Score__c": 82,
        "Wrapup__c": "db04b972-5ec7-49fe-a0c0-9ed3de991c83"}


def lifecycle(make=None):
    """The 17 events; with a maker those of another conversation."""
    files = sorted((settings.ROOT / LIFECYCLE).glob("schema-lifecycle-*.json"))
    found = [file.read_text() for file in files]
    if make is None:
        return [json.loads(each) for each in found]
    conversation = make.uuid()
    events = [json.loads(each.replace("388fa6ad-33a8-439b-a5b7-9085a352469d", conversation)) for each in found]
    for event in events:
        event["id"] = make.uuid()
    return events


class SalesforceCases(HubTest):
    def consumer(self, org, **more):
        return {"filter": {}, "order": "conversation", "retry": {"base": "20ms", "cap": "200ms"},
                "breaker": {"probe_every": "200ms", "probe_cap": "400ms"}, **more,
                "sink": {"salesforce": {"url": org.url, "allow_loopback": True, "timeout": "5s",
                                        "oauth": {"client_id": "hub", "client_secret": "${env:CRM_SECRET}"},
                                        "fields": {"Status": "status", "Subject": "subject", "Agent__c": "agentId",
                                                   "Sentiment__c": "sentiment", "Score__c": "evaluationScore",
                                                   "Wrapup__c": "wrapupCode"}}}}

    def world(self, allowed=15000, **more):
        org = Salesforce(allowed=allowed)
        self.addCleanup(org.close)
        hub = self.hub({"crm": self.consumer(org, **more)}, env={"CRM_SECRET": SECRET})
        return org, hub

    def expect(self, org, conversations):
        self.assertEqual(set(org.cases), set(conversations))
        for conversation, case in org.cases.items():
            self.assertEqual({name: case.get(name) for name in CASE}, CASE, conversation)
        self.assertEqual(org.most_in_flight, 1)

    def test_shuffled_events_with_repeats_over_kills_and_faults_give_the_same_cases(self):
        org, hub = self.world()
        shuffle = random.Random(4)
        calls = [lifecycle(self.make) for _ in range(self.count(20, 200))]
        events = [event for call in calls for event in call]
        events += shuffle.sample(events, len(events) // 4)
        shuffle.shuffle(events)
        org.faults = [None, "UNABLE_TO_LOCK_ROW", "reset", (503, b"busy"), "DUPLICATE_VALUE", (200, b'[{"succ'), None]
        parts = [events[at::4] for at in range(4)]
        for part in parts:
            self.assertEqual(hub.post(part).status, 200)
            org.expire()
            hub.kill()
            hub.start()
        hub.drained("crm")
        self.expect(org, [call[0]["detail"]["eventBody"]["conversationId"] for call in calls])
        self.assertEqual(hub.consumer("crm")["dead_letters"], 0)
        self.assertEqual(org.faults, [])

    def test_a_case_is_opened_closed_softly_and_opened_again(self):
        org, hub = self.world()
        call = lifecycle()
        conversation = call[0]["detail"]["eventBody"]["conversationId"]
        for event in call:
            hub.delivered("crm", *self.accepted(hub.post(event)))
        self.assertEqual(org.history[conversation][0], "New")
        self.expect(org, [conversation])
        again = json.loads(text(call[0]))
        again["id"] = self.make.uuid()
        again["detail"]["eventBody"]["eventTime"] += 7200000
        again["detail"]["timestamp"] = "2026-03-02T16:00:00.064Z"
        requests = org.requests
        hub.delivered("crm", *self.accepted(hub.post(again)))
        self.assertEqual(org.cases[conversation]["Status"], "New")
        self.assertEqual(org.requests, requests + 1)

    def test_a_wrong_secret_holds_everything_back_and_is_shown_to_nobody(self):
        org, hub = self.world()
        org.client = ("hub", "another")
        self.accepted(hub.post(lifecycle()), 17)
        self.until(lambda: hub.consumer("crm")["breaker"] != "closed", "the breaker opens")
        tried = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
        self.assertIn("invalid_client", tried.stdout)
        for shown in (tried.stdout + tried.stderr, hub.child.tail(100000), str(hub.consumer("crm"))):
            self.assertNotIn(SECRET, shown)
        org.client = ("hub", SECRET)
        hub.drained("crm", within=60)
        self.expect(org, ["388fa6ad-33a8-439b-a5b7-9085a352469d"])

    def test_jsforce_is_served_by_the_org_that_the_hub_is_tested_against(self):
        node.modules(self)
        org = Salesforce()
        self.addCleanup(org.close)

        def upsert(*records, **wish):
            return node.run(self, "salesforce_upsert.mjs", {
                "url": org.url, "client_id": "hub", "client_secret": SECRET, "field": FIELD, "records": records, **wish})

        cases = [{FIELD: f"c{number}", "Status": "New"} for number in range(200)]
        made = upsert(*cases)
        self.assertEqual([(each["success"], each["created"]) for each in made["results"]], [(True, True)] * 200)
        self.assertEqual(made["usage"]["apiUsage"], {"used": 1, "limit": 15000})
        org.faults = ["UNABLE_TO_LOCK_ROW"]
        again = upsert(*cases[:3])["results"]
        self.assertEqual(again[0]["errors"][0]["statusCode"], "UNABLE_TO_LOCK_ROW")
        self.assertEqual([(each["success"], each["created"]) for each in again[1:]], [(True, False)] * 2)
        self.assertIn("refresh session", upsert(cases[0], token="stale")["failed"])
        self.assertIn("invalid_client", upsert(cases[0], client_secret="wrong")["failed"])

    def test_the_reserve_of_the_day_is_left_to_others(self):
        org, hub = self.world(allowed=1)
        self.accepted(hub.post(lifecycle()[0]))
        hub.drained("crm")
        self.accepted(hub.post(lifecycle()[11]))
        self.until(lambda: hub.consumer("crm")["breaker"] != "closed", "the breaker opens")
        self.assertEqual(org.requests, 1)

    def test_the_check_names_a_field_that_the_org_lacks_and_a_shadow_sends_nothing(self):
        org, hub = self.world(shadow=True)
        self.accepted(hub.post(lifecycle()), 17)
        hub.drained("crm")
        self.assertEqual(org.requests + org.tokens_given, 0)
        newest = hub.api("GET", "/consumers/crm/shadow").json["newest"]
        self.assertIn(FIELD, str(newest))
        config = self.config({"crm": self.consumer(org)})
        config["consumers"]["crm"]["sink"]["salesforce"]["fields"]["No__c"] = "queueId"
        hub.write_config(config)
        tried = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
        self.assertIn("Case has no field No__c", tried.stdout)


class Templates(HubTest):
    def sink(self, **more):
        return {"filter": {}, "order": "conversation", "sink": {"template": {"allow_loopback": True, **more}}}

    def test_hubspot_by_its_preset(self):
        target = self.receiver()
        config = self.sink(preset="hubspot", headers={"Authorization": "Bearer {{vars.token}}"},
                           vars={"host": "x", "token": "${env:TOKEN}"},
                           requests=[{"when": {"eventType": ["v2.detail.events.conversation.{id}.customer.start"]},
                                      "url": target.url + "/crm/v3/objects/tickets/batch/upsert",
                                      "body": '{"inputs":[{"id":"{{event._conversationId}}","idProperty":'
                                              '"{{vars.id_property}}"}]}'}])
        hub = self.hub({"crm": config}, env={"TOKEN": "pat-123456789"})
        self.accepted(hub.post(lifecycle()), 17)
        hub.drained("crm")
        sent = target.deliveries()
        self.assertEqual(len(sent), 1)
        self.assertEqual(sent[0].headers["authorization"], "Bearer pat-123456789")
        self.assertEqual(json.loads(sent[0].body)["inputs"][0],
                         {"id": "388fa6ad-33a8-439b-a5b7-9085a352469d", "idProperty": "genesys_conversation_id"})

    def test_adherence_states_by_the_preset_of_wfm(self):
        target = self.receiver()
        hub = self.hub({"wfm": {"filter": {}, "order": "agent", "sink": {"template": {
            "preset": "wfm_rta", "allow_loopback": True, "tables": {"presence": {"AVAILABLE": "Ready"}},
            "vars": {"url": target.url.removesuffix("/hook"), "authentication_key": "key-123456", "source_id": "1"}}}}})
        user = self.make.uuid()
        self.accepted(hub.post(self.make.presence(user, presenceDefinition={"id": self.make.uuid(),
                                                                            "systemPresence": "AVAILABLE"})))
        self.accepted(hub.post(self.make.envelope(f"v2.users.{user}.routingStatus", "v2.users.{id}.routingStatus",
                                                  {"id": user, "routingStatus": {"status": "INTERACTING"}})))
        hub.drained("wfm")
        states = [json.loads(each.body) for each in target.deliveries()]
        self.assertEqual([each["States"][0] for each in states],
                         [{"UserCode": user, "StateCode": "Ready"}, {"UserCode": user, "StateCode": "INTERACTING"}])
        self.assertEqual({each["AuthenticationKey"] for each in states}, {"key-123456"})
        self.assertTrue(all(each.path == "/Rta/State/Batch" for each in target.deliveries()))

    def test_every_preset_makes_requests_of_the_life_cycle_in_a_shadow(self):
        names = {"dynamics365": {"host": "acme.crm.dynamics.com"}, "hubspot": {}, "zendesk": {"host": "acme.zendesk.com"},
                 "servicenow": {"host": "acme.service-now.com", "staging": "u_genesys"}}
        hub = self.hub({name: {"filter": {"eventCategory": ["conversation"]}, "order": "conversation", "shadow": True,
                               "sink": {"template": {"preset": name, "vars": given}}} for name, given in names.items()})
        self.accepted(hub.post(lifecycle()), 17)
        hub.drained(*names)
        for name in names:
            requests = hub.api("GET", f"/consumers/{name}/shadow").json["newest"]
            self.assertGreater(len(requests), 0, name)
            self.assertEqual(hub.consumer(name)["dead_letters"], 0, name)
            for request in requests:
                self.assertIn("388fa6ad-33a8-439b-a5b7-9085a352469d", request["url"] + str(json.loads(request["body"])))

    def test_an_error_in_a_template_is_told_with_its_place(self):
        hub = self.hub({"crm": self.sink(url="https://crm.example/", body="{\n {{event.a | nope}}}")}, start=False)
        tried = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
        self.assertIn("body: line 2, column 14: there is no filter 'nope'", tried.stdout + tried.stderr)


if __name__ == "__main__":
    unittest.main()
