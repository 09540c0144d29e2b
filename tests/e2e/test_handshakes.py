"""The handshakes of Event Grid: its own schema's and the CloudEvents webhook's."""
import json

from harness.case import HubTest
from harness.process import request


class Handshakes(HubTest):
    def setUp(self):
        super().setUp()
        self.now = self.hub({"all": {"filter": {}}},
                            sources={"grid": {"kind": "eventgrid", "auth": {"query_key": "grid-key"}}})

    def validation(self):
        return [{"id": "2d1781af-3a4c-4d7c-bd0c-e34b19da4e66", "topic": "/subscriptions/xxxxxxxx", "subject": "",
                 "data": {"validationCode": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6",
                          "validationUrl": "https://rp-eastus2.eventgrid.azure.net:553/validate?id=1"},
                 "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
                 "eventTime": "2026-03-02T14:00:00Z", "metadataVersion": "1", "dataVersion": "2"}]

    def test_subscription_validation_is_answered_with_its_code(self):
        answer = self.now.post(self.validation(), "grid", None, {"aeg-event-type": "SubscriptionValidation"},
                               "?code=grid-key")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json, {"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"})

    def test_subscription_validation_needs_the_key(self):
        answer = self.now.post(self.validation(), "grid", None, {"aeg-event-type": "SubscriptionValidation"})
        self.assertEqual(answer.status, 503)
        self.assertNotIn(b"512d38b6", answer.body)

    def test_a_validation_without_a_code_is_quarantined(self):
        event = self.validation()
        del event[0]["data"]["validationCode"]
        answer = self.now.post(event, "grid", None, {"aeg-event-type": "SubscriptionValidation"}, "?code=grid-key")
        self.assertEqual((answer.status, answer.verdicts()), (200, ["quarantined"]))

    def test_cloud_events_options_handshake(self):
        headers = {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"}
        answer = request(self.now.address, "OPTIONS", "/ingest/grid?code=grid-key", None, headers)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["webhook-allowed-origin"], "eventgrid.azure.net")
        self.assertIn(answer.headers["webhook-allowed-rate"], ("*", "120"))
        self.assertIn("POST", answer.headers["allow"])

    def test_options_without_the_key_allows_nothing(self):
        answer = request(self.now.address, "OPTIONS", "/ingest/grid", None,
                         {"WebHook-Request-Origin": "eventgrid.azure.net"})
        self.assertEqual(answer.status, 503)
        self.assertNotIn("webhook-allowed-origin", answer.headers)

    def test_a_notification_after_the_handshake_is_an_event(self):
        event = self.make.conversation()
        wrapped = [{"id": "g-1", "topic": "t", "subject": "s", "eventType": "genesys", "eventTime": "2026-03-02T14:00:00Z",
                    "dataVersion": "1", "metadataVersion": "1", "data": {"message": event}}]
        answer = self.now.post(json.dumps(wrapped), "grid", None, {"aeg-event-type": "Notification"}, "?code=grid-key")
        self.accepted(answer)
