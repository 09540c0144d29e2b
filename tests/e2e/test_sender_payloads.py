"""What may be sent: every form is decoded, what is not understood is quarantined and acknowledged, never refused."""
import json

from harness import settings
from harness.case import HubTest, http_sink
from harness.events import republished, text


class SenderPayloads(HubTest):
    def setUp(self):
        super().setUp()
        self.sink = self.receiver()
        self.now = self.hub({"all": {"filter": {}, "sink": http_sink(self.sink.url, body="raw")}})

    def quarantined(self, body, reason):
        answer = self.now.post(body)
        self.assertEqual((answer.status, answer.verdicts()), (200, ["quarantined"]), answer)
        entry = self.now.api("GET", f"/quarantine/{answer.sequences()[0]}").json
        self.assertEqual(entry["reason"], reason, entry)
        return entry

    def delivered_body(self, sequence):
        self.until(lambda: sequence in self.sink.sequences(), f"event {sequence} was not delivered")
        return next(one.body for one in self.sink.taken() if one.sequences == [sequence])

    # ---- forms

    def test_bare_notification(self):
        event = self.make.conversation()
        bare = {"topicName": event["detail"]["topicName"], "version": "2", "eventBody": event["detail"]["eventBody"],
                "metadata": event["detail"]["metadata"]}
        [sequence] = self.accepted(self.now.post(bare))
        self.assertEqual(json.loads(self.delivered_body(sequence)), bare)

    def test_flat_form_of_the_guide(self):
        flat = {"id": "evt-1", "type": "v2.conversations.created", "conversationId": "c-1", "mediaType": "voice"}
        [sequence] = self.accepted(self.now.post(flat))
        self.assertEqual(json.loads(self.delivered_body(sequence)), flat)

    def test_event_grid_wrapping_is_taken_off(self):
        event = self.make.conversation()
        wrapped = [{"id": "g-1", "topic": "/subscriptions/x", "subject": "genesys", "eventType": "genesys",
                    "eventTime": "2026-03-02T14:00:00Z", "dataVersion": "1", "metadataVersion": "1",
                    "data": {"message": event}}]
        [sequence] = self.accepted(self.now.post(wrapped))
        self.assertEqual(json.loads(self.delivered_body(sequence)), event)

    def test_cloud_events_wrapping_is_taken_off(self):
        event = self.make.conversation()
        wrapped = {"specversion": "1.0", "id": "ce-1", "source": "/subscriptions/x", "type": "genesys",
                   "time": "2026-03-02T14:00:00Z", "datacontenttype": "application/json", "data": {"message": event}}
        for body, kind in ((wrapped, "application/cloudevents+json"), ([wrapped], "application/cloudevents-batch+json")):
            wrapped["data"]["message"] = event = self.make.conversation()
            [sequence] = self.accepted(self.now.post(body, headers={"content-type": kind}))
            self.assertEqual(json.loads(self.delivered_body(sequence)), event)

    def test_lambda_destination_record_is_taken_off(self):
        file = settings.FIXTURES / "schema-sqs-message-body-lambda-destination.json"
        record = json.loads(file.read_bytes())
        [sequence] = self.accepted(self.now.post(file.read_bytes()))
        self.assertEqual(json.loads(self.delivered_body(sequence)), record["requestPayload"])

    def test_unknown_topics_and_members_are_carried(self):
        event = self.make.envelope("v2.something.new.abc", "v2.something.new.{id}", {"x": 1.50}, newMember={"a": [None]})
        [sequence] = self.accepted(self.now.post(event))
        self.assertEqual(json.loads(self.delivered_body(sequence)), event)

    def test_the_delivered_bytes_are_the_bytes_that_came(self):
        # Number text, escapes, member order, repeated white space and non-ASCII survive.
        event = self.make.conversation()
        raw = text(event).replace(b'"mediaType":"VOICE"',
                                  '"mediaType" :\t"VOICE", "n":[1.0,1e400,-0,12345678901234567890123], '
                                  '"s":"\\u00e9é\\/\\ud83d\\ude00"'.encode())
        [sequence] = self.accepted(self.now.post(b" \r\n" + raw + b"\n"))
        self.assertEqual(self.delivered_body(sequence), raw)

    # ---- batches

    def test_a_batch_is_stored_in_order_with_one_verdict_each(self):
        batch = [self.make.conversation() for _ in range(50)]
        sequences = self.accepted(self.now.post(batch), 50)
        self.assertEqual(sequences, list(range(sequences[0], sequences[0] + 50)))

    def test_one_bad_item_does_not_hold_the_others(self):
        batch = [self.make.conversation(), {"nonsense": True}, self.make.conversation(), 7, self.make.conversation()]
        answer = self.now.post(batch)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.verdicts(), ["accepted", "quarantined", "accepted", "quarantined", "accepted"])
        self.assertEqual((answer.json["accepted"], answer.json["quarantined"]), (3, 2))

    # ---- identities

    def test_a_duplicate_is_answered_with_its_twins_number(self):
        event = text(self.make.conversation())
        [first] = self.accepted(self.now.post(event))
        again = self.now.post(event)
        self.assertEqual((again.status, again.verdicts(), again.sequences()), (200, ["duplicate"], [first]))

    def test_a_republished_event_with_a_new_id_is_a_duplicate(self):
        event = self.make.conversation()
        [first] = self.accepted(self.now.post(event))
        again = self.now.post(republished(event, self.make))
        self.assertEqual((again.verdicts(), again.sequences()), (["duplicate"], [first]))

    def test_another_number_text_of_the_same_value_is_a_duplicate_only_when_the_text_is_equal(self):
        event = self.make.conversation(score=1)
        self.accepted(self.now.post(event))
        event["detail"]["eventBody"] = dict(reversed(event["detail"]["eventBody"].items()))
        self.assertEqual(self.now.post(event).verdicts(), ["duplicate"], "member order means nothing")
        event["detail"]["eventBody"]["score"] = 1.0
        self.assertEqual(self.now.post(event).verdicts(), ["conflict"], "1 and 1.0 are different text")

    def test_the_same_id_with_another_body_is_stored_as_a_conflict(self):
        event = self.make.conversation()
        [first] = self.accepted(self.now.post(event))
        other = self.make.conversation()
        other["id"] = event["id"]
        answer = self.now.post(other)
        self.assertEqual((answer.status, answer.verdicts()), (200, ["conflict"]))
        [second] = answer.sequences()
        self.assertNotEqual(first, second)
        self.assertEqual(json.loads(self.delivered_body(second)), other)

    def test_a_duplicate_within_one_batch(self):
        event = self.make.conversation()
        answer = self.now.post([event, event])
        self.assertEqual(answer.verdicts(), ["accepted", "duplicate"])
        self.assertEqual(len(set(answer.sequences())), 1)

    # ---- what is not understood

    def test_malformed_json_is_quarantined_with_its_bytes(self):
        whole = text(self.make.conversation())
        for broken in (whole[:-1], whole + b"}", b"{,}", b"nonsense", b"\x00\x01"):
            entry = self.quarantined(broken, "not_json")
            self.assertEqual((entry["encoding"], entry["body"]), ("utf-8", broken.decode()))

    def test_invalid_utf8_is_quarantined_with_its_bytes(self):
        import base64

        broken = text(self.make.conversation()).replace(b"VOICE", b"VO\xffCE")
        entry = self.quarantined(broken, "invalid_utf8")
        self.assertEqual((entry["encoding"], base64.b64decode(entry["body"])), ("base64", broken))

    def test_json_too_deep_is_quarantined(self):
        deep = '{"a":' * 1500 + "1" + "}" * 1500
        event = text(self.make.conversation(extra="HERE")).replace(b'"HERE"', deep.encode())
        self.quarantined(event, "too_deep")

    def test_a_body_without_its_envelope_is_quarantined(self):
        self.quarantined(self.make.conversation()["detail"]["eventBody"], "bare_event_body")

    def test_an_envelope_that_lacks_members_is_quarantined(self):
        event = self.make.conversation()
        del event["detail"]["topicName"]
        entry = self.quarantined(event, "missing_member")
        self.assertIn("topicName", entry["detail"])

    def test_scalars_and_empty_arrays_are_quarantined(self):
        self.quarantined(b"[]", "empty_array")
        self.quarantined(b"7", "wrong_type")
        self.quarantined(b"{}", "unknown_form")
