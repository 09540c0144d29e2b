"""CloudEvents 1.0 over HTTP, as their own SDK writes them."""
import base64
import json

from harness import node
from harness.case import HubTest
from harness.events import text
from harness.process import KEY


class SenderCloudEvents(HubTest):
    def setUp(self):
        super().setUp()
        node.modules(self)
        self.now = self.hub({"all": {"filter": {}}}, sources={
            kind: {"kind": kind, "auth": {"api_key": "${env:TEST_KEY}"}} for kind in ("eventbridge", "eventgrid", "genesys")})

    def requests(self, *wanted):
        return node.run(self, "cloud_events.mjs", [{"event": event, "mode": mode} for event, mode in wanted])

    def post(self, made, source="genesys"):
        return self.now.post(made["body"], source, KEY, made["headers"])

    def cloud(self, data, id="c-1", **more):
        return {"id": id, "source": "/relay/a", "type": "genesys.event", "datacontenttype": "application/json", "data": data,
                **more}

    def bare(self):
        detail = self.make.conversation()["detail"]
        return {name: detail[name] for name in ("topicName", "version", "eventBody", "metadata")}

    def test_binary_and_structured_mode_carry_the_genesys_event_and_its_id(self):
        for mode in ("binary", "structured"):
            for source in ("eventbridge", "eventgrid", "genesys"):
                event = self.make.conversation()
                [made] = self.requests((self.cloud(event, subject="Zürich 100%"), mode))
                answer = self.post(made, source)
                self.accepted(answer)
                self.assertEqual(answer.json["results"][0]["id"], event["id"], (mode, source))
                self.assertEqual(self.post(made, source).verdicts(), ["duplicate"])

    def test_an_event_without_an_id_has_that_of_its_cloud_event_in_every_mode(self):
        bare = self.bare()
        binary, structured = self.requests((self.cloud(bare), "binary"), (self.cloud(bare), "structured"))
        first = self.post(binary)
        self.accepted(first)
        self.assertEqual(first.json["results"][0]["id"], "/relay/a c-1")
        self.assertEqual(self.post(structured).verdicts(), ["duplicate"])
        batch = "[" + structured["body"] + "]"
        headers = {"content-type": "application/cloudevents-batch+json"}
        self.assertEqual(self.now.post(batch, "genesys", KEY, headers).verdicts(), ["duplicate"])

    def test_data_in_base64(self):
        event = self.make.conversation()
        [made] = self.requests((self.cloud(None, binary=base64.b64encode(text(event)).decode(),
                                           datacontenttype="application/octet-stream"), "structured"))
        self.assertIn("data_base64", json.loads(made["body"]))
        self.accepted(self.post(made))
        self.assertEqual(self.now.post(event, "genesys", KEY).verdicts(), ["duplicate"])

    def test_malformed_ones_are_quarantined_and_named(self):
        [good] = self.requests((self.cloud(self.bare()), "binary"))
        changes = [{"ce-id": ""}, {"ce-specversion": "0.2"}, {"ce-source": "%zz"}, {"ce-type": ""}]
        for change in changes:
            answer = self.post({**good, "headers": {**good["headers"], **change}})
            self.assertEqual((answer.status, answer.verdicts()), (200, ["quarantined"]), change)
        answer = self.post({**good, "body": "not json"})
        self.assertEqual((answer.status, answer.verdicts()), (200, ["quarantined"]))
        for body in ({"specversion": "1.0", "data": self.bare()}, {"specversion": "1.0", "id": "1", "source": "/", "type": "t"}):
            answer = self.now.post(body, "genesys", KEY, {"content-type": "application/cloudevents+json"})
            self.assertEqual((answer.status, answer.verdicts()), (200, ["quarantined"]), body)
