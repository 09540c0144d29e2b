"""Pauses that end by themselves, and windows of maintenance: nothing is lost, nothing is reordered, and it is said until when."""
import datetime
import time

from harness.case import HubTest, http_sink


class Pause(HubTest):
    def begin(self, **consumer):
        self.sink = self.receiver()
        return self.hub({"crm": {"filter": {}, "order": "conversation", "sink": http_sink(self.sink.url, body="raw"), **consumer}})

    def send(self, hub, count):
        conversation = self.make.uuid()
        events = [self.make.conversation(conversation) for _ in range(count)]
        for event in events:
            self.accepted(hub.post(event))
        return [event["id"] for event in events]

    def delivered(self):
        return [event["id"] for event in self.sink.events()]

    def test_a_pause_with_an_end_goes_on_by_itself_in_order(self):
        hub = self.begin()
        paused = hub.client("pause", "crm", "--for", "4s", "--reason", "new certificate")
        self.assertEqual(paused.returncode, 0, paused.stderr)
        self.assertIn("by itself at", paused.stdout)
        sent = self.send(hub, 5)
        consumer = hub.consumer("crm")
        self.assertTrue(consumer["paused"])
        self.assertEqual((consumer["rest"]["by"], consumer["rest"]["reason"]), ("operator", "new certificate"))
        self.assertLessEqual(consumer["rest"]["resumes_in_seconds"], 4)
        self.until(lambda: hub.consumer("crm")["expires_in_seconds"], lambda: hub.consumer("crm"))
        self.assertIn("new certificate", hub.client("consumers", "crm").stdout)
        self.assertEqual(self.delivered(), [])
        self.until(lambda: len(self.delivered()) == 5, lambda: hub.consumer("crm"))
        self.assertEqual(self.delivered(), sent)
        self.until(lambda: hub.consumer("crm")["rest"] is None, lambda: hub.consumer("crm"))

    def test_a_pause_and_its_reason_live_through_a_crash_and_one_that_is_over_does_not(self):
        hub = self.begin()
        self.assertEqual(hub.client("pause", "crm", "--reason", "moving house").returncode, 0)
        sent = self.send(hub, 3)
        hub.kill()
        hub.start()
        self.assertEqual(hub.consumer("crm")["rest"]["reason"], "moving house")
        self.assertIsNone(hub.consumer("crm")["rest"]["until"])
        self.assertEqual(self.delivered(), [])
        self.assertEqual(hub.api("POST", "/consumers/crm/pause", {"for_seconds": 1}).status, 200)
        hub.kill()
        over = time.time() + 1.1
        self.until(lambda: time.time() > over, "the pause is over while the hub is down")
        hub.start()
        self.until(lambda: len(self.delivered()) == 3, lambda: hub.consumer("crm"))
        self.assertEqual(self.delivered(), sent)

    def test_a_window_of_maintenance_holds_delivery_and_who_resumes_passes_over_it(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        begin, end = now - datetime.timedelta(hours=1), now + datetime.timedelta(hours=2)
        window = {"from": begin.strftime("%H:%M"), "to": end.strftime("%H:%M")}
        hub = self.begin(maintenance=[window])
        sent = self.send(hub, 3)
        rest = hub.consumer("crm")["rest"]
        self.assertEqual(rest["by"], "maintenance")
        self.assertAlmostEqual(rest["resumes_in_seconds"], 7200, delta=70)
        self.assertIn("maintenance 1h", hub.client("consumers").stdout)
        self.assertEqual(hub.metrics().get("trunkline_consumer_paused", consumer="crm"), 1)
        self.assertEqual(self.delivered(), [])
        self.assertEqual(hub.client("resume", "crm").returncode, 0)
        self.until(lambda: len(self.delivered()) == 3, lambda: hub.consumer("crm"))
        self.assertEqual(self.delivered(), sent)
        hub.kill()
        hub.start()
        self.assertFalse(hub.consumer("crm")["paused"], "this window is passed over, also after a restart")

    def test_a_window_that_a_reload_adds_and_takes_away_takes_effect(self):
        hub = self.begin()
        open_now = {"from": "00:00", "to": "23:59"}
        beside = {"from": "23:59", "to": "24:00", "days": ["mon", "tue", "wed", "thu", "fri", "sat"]}
        crm = {"filter": {}, "order": "conversation", "sink": http_sink(self.sink.url, body="raw")}
        hub.write_config(self.config({"crm": {**crm, "maintenance": [open_now, beside]}}))
        self.assertEqual(hub.client("reload").returncode, 0)
        self.until(lambda: hub.consumer("crm")["paused"], lambda: hub.consumer("crm"))
        sent = self.send(hub, 2)
        hub.write_config(self.config({"crm": crm}))
        reloaded = hub.client("reload")
        self.assertEqual(reloaded.returncode, 0, reloaded.stdout)
        self.until(lambda: len(self.delivered()) == 2, lambda: hub.consumer("crm"))
        self.assertEqual(self.delivered(), sent)

    def test_what_is_no_pause_is_refused(self):
        hub = self.begin()
        for body in ({"for_seconds": 0}, {"for_seconds": 10, "until": "2030-01-01T00:00:00Z"}, {"until": "yesterday"},
                     {"until": "2001-01-01T00:00:00Z"}, {"reason": "x" * 501}, {"becuse": "x"}):
            self.assertEqual(hub.api("POST", "/consumers/crm/pause", body).status, 400, body)
        self.assertFalse(hub.consumer("crm")["paused"])
