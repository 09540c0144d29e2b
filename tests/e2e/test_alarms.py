"""An alarm is raised once per incident, told signed, and resolved once, also when the hub is killed in between."""
import base64
import hashlib
import hmac
import json

from harness.case import SOURCE, HubTest, http_sink
from harness.process import command

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
QUIET = {"retry": {"base": "5ms", "cap": "20ms"}, "breaker": {"window": "300ms"}}


def signed(delivery):
    text = f"{delivery.headers['webhook-id']}.{delivery.headers['webhook-timestamp']}.".encode() + delivery.body
    wanted = "v1," + base64.b64encode(hmac.new(KEY, text, hashlib.sha256).digest()).decode()
    return delivery.headers["webhook-signature"] == wanted


class Alarms(HubTest):
    def begin(self, sink, limits, answer=None, sources=None):
        self.ops = self.receiver(answer)
        webhook = {"url": self.ops.url, "secret": "${env:ALARM_SECRET}", "allow_loopback": True}
        return self.hub({"crm": {"filter": {}, "order": "conversation", "attempts": 1, "sink": http_sink(sink.url, body="raw"), **QUIET}},
                        sources=sources, env={"ALARM_SECRET": SECRET},
                        alarms={"window": "2s", "resolve_after": "1s", "webhook": webhook, **limits})

    def told(self):
        return [json.loads(one.body) for one in self.ops.deliveries() if one.status == 200]

    def words(self):
        return [(one["type"], one["data"]["alarm"], one["data"]["subject"]) for one in self.told()]

    def test_a_failed_delivery_is_told_once_and_resolved_though_the_hub_is_killed_in_between(self):
        sink = self.receiver(lambda one: 400)
        hub = self.begin(sink, {"window": "8s"})
        self.accepted(hub.post(self.make.conversation(self.make.uuid())))
        opened = ("alarm.opened", "failed_deliveries", "crm")
        self.until(lambda: self.words() == [opened], lambda: (self.words(), hub.child.tail()))
        [told] = self.ops.deliveries()
        self.assertTrue(signed(told), told.headers)
        self.assertEqual(told.headers["webhook-id"], told_id(self.told()[0], "opened"))
        listed = hub.client("alarms")
        self.assertEqual(listed.returncode, 1, "one is open")
        self.assertIn("failed_deliveries", listed.stdout)
        self.assertIn("http_400", listed.stdout)
        self.assertEqual(hub.metrics().get("trunkline_alarm_open", alarm="failed_deliveries", subject="crm"), 1)
        self.assertEqual(hub.api("GET", "/status").json["alarms_open"], 1)
        self.until(lambda: hub.api("GET", "/alarms").json["open"][0]["told"], lambda: hub.api("GET", "/alarms"))

        hub.kill()
        hub.start()
        self.assertEqual(len(hub.api("GET", "/alarms").json["open"]), 1, "it is known at once")
        resolved = ("alarm.resolved", "failed_deliveries", "crm")
        self.until(lambda: resolved in self.words(), lambda: (self.words(), hub.child.tail()))
        self.assertEqual(self.words(), [opened, resolved])
        self.assertEqual(self.told()[0]["data"]["id"], self.told()[1]["data"]["id"])
        self.assertEqual(hub.child.tail(100000).count("alarm=failed_deliveries"), 2, "a line each in the log")
        self.until(lambda: hub.client("alarms").returncode == 0, "none is open")
        self.assertIn("failed_deliveries", hub.client("alarms", "--recent").stdout)

        hub.kill()
        hub.start()
        [recent] = hub.api("GET", "/alarms").json["recent"]
        self.assertEqual(recent["outcome"], "within the limit again")

    def test_a_webhook_that_fails_gets_it_again_under_the_same_id_after_a_restart_too(self):
        sink = self.receiver(lambda one: 400)
        hub = self.begin(sink, {"window": "1h"}, answer=lambda one: 503)
        self.accepted(hub.post(self.make.conversation(self.make.uuid())))
        self.until(lambda: self.ops.deliveries(), "the alarm is not told")
        hub.kill()
        self.ops.change(lambda _: 200)
        hub.start()
        self.until(lambda: self.told(), "it is not told again")
        ids = {one.headers["webhook-id"] for one in self.ops.deliveries()}
        self.assertEqual(len(ids), 1, ids)
        self.assertTrue(all(signed(one) for one in self.ops.deliveries()))

    def test_a_downstream_that_is_out_and_an_old_backlog(self):
        sink = self.receiver(lambda one: 503)
        hub = self.begin(sink, {"breaker_open": "1s", "oldest_age": "2s", "failed_deliveries": 0})
        self.accepted(hub.post(self.make.conversation(self.make.uuid())))
        self.until(lambda: len(self.words()) == 2, lambda: (self.words(), hub.child.tail()))
        self.assertEqual(set(self.words()), {("alarm.opened", "breaker_open", "crm"), ("alarm.opened", "oldest_age", "crm")})
        sink.change(lambda _: 200)
        self.until(lambda: len(self.words()) == 4, lambda: (self.words(), hub.child.tail()))
        self.assertEqual(hub.api("GET", "/alarms").json["open"], [])

    def test_a_source_that_is_silent_and_one_that_a_reload_takes_off_the_watch(self):
        sink = self.receiver()
        sources = {"genesys": {**SOURCE, "silent_after": "2s"}}
        hub = self.begin(sink, {}, sources=sources)
        self.until(lambda: self.words() == [("alarm.opened", "source_silent", "genesys")], lambda: hub.child.tail())
        config = json.loads((self.directory / "trunkline.yaml").read_text())
        config["sources"]["genesys"]["silent_after"] = "0s"
        config["alarms"]["source_silence"] = False
        hub.write_config(config)
        reloaded = hub.client("reload")
        self.assertEqual(reloaded.returncode, 0, reloaded.stdout + reloaded.stderr)
        self.until(lambda: hub.api("GET", "/alarms").json["open"] == [], lambda: hub.api("GET", "/alarms"))
        [recent] = hub.api("GET", "/alarms").json["recent"]
        self.assertEqual(recent["outcome"], "no longer watched")

    def test_check_tries_the_webhook(self):
        ops = self.receiver()
        hub = self.hub({}, start=False, alarms={"webhook": {"url": ops.url}})
        tried = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
        self.assertIn("alarms.webhook", tried.stdout + tried.stderr)
        self.assertNotEqual(tried.returncode, 0, "this machine may not be called unless it is allowed")
        hub.write_config(self.config({}, alarms={"webhook": {"url": ops.url, "allow_loopback": True}}))
        tried = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
        self.assertEqual(tried.returncode, 0, tried.stdout + tried.stderr)
        hub.write_config(self.config({}, alarms={"webhook": {"url": ops.url, "secret": "short"}}))
        tried = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
        self.assertNotEqual(tried.returncode, 0)


def told_id(message, end):
    return f"{message['data']['id']}-{end}"
