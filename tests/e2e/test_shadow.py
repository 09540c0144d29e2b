"""A shadow does everything but send, and becomes a consumer where it stands."""
from harness.case import HubTest, http_sink
from harness.process import command

TOKEN = "a-very-secret-token"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Shadow(HubTest):
    def consumers(self, sink, shadow_sink, **more):
        return {"crm": {"filter": {}, "order": "conversation", "sink": http_sink(sink.url)},
                "next": {"filter": {"eventCategory": ["conversation"]}, "order": "conversation",
                         "sink": http_sink(shadow_sink.url, batch="array", secret=SECRET,
                                           headers={"authorization": f"Bearer {TOKEN}"}), **more},
                "siem": {"filter": {}, "shadow": True, "sink": {"splunk_hec": {"url": shadow_sink.url, "token": TOKEN}}}}

    def test_beside_the_real_one_it_renders_what_it_would_send_and_sends_nothing(self):
        sink, other = self.receiver(), self.receiver()
        hub = self.hub(self.consumers(sink, other, shadow=True, budget={"requests": 5}))
        calls = [self.make.conversation() for _ in range(30)]
        self.accepted(hub.post(calls + [self.make.presence() for _ in range(10)]), 40)
        hub.drained("crm", "next", "siem")
        self.assertEqual(len(sink.deliveries()), 40)
        self.assertEqual(other.deliveries(), [])
        self.assertEqual([hub.consumer(name)["delivered"] for name in ("next", "siem")], [30, 40])

        report = hub.api("GET", "/consumers/next/shadow").json
        self.assertGreater(report["shadowed"]["requests"], 0)
        self.assertEqual(report["shadowed"], hub.consumer("next")["shadowed"])
        headers = {each["name"].lower(): each["value"] for each in report["newest"][0]["headers"]}
        self.assertEqual(headers["authorization"], "***")
        self.assertTrue(headers["webhook-signature"].startswith("v1,"), headers)
        self.assertTrue(report["newest"][0]["body"].startswith("[{"), report["newest"][0])
        splunk = hub.client("shadow", "siem", "--last", 1)
        self.assertEqual(splunk.returncode, 0, splunk.stderr)
        self.assertIn("is a shadow", splunk.stdout)
        self.assertIn("trunkline_sequence", splunk.stdout)
        for text in (str(report), splunk.stdout, hub.client("shadow", "next", "--json").stdout):
            self.assertNotIn(TOKEN, text)
            self.assertNotIn(SECRET, text)

        states = {line.split()[0]: line for line in hub.client("consumers").stdout.splitlines() if line}
        self.assertIn("shadow", states["next"])
        self.assertNotIn("shadow", states["crm"])
        self.assertEqual(hub.metrics().get("trunkline_consumer_shadow", consumer="next"), 1)
        self.assertEqual(hub.metrics().get("trunkline_consumer_shadow", consumer="crm"), 0)
        self.assertEqual(hub.api("GET", "/consumers/crm/shadow").status, 409)
        self.assertEqual(hub.api("GET", "/consumers/none/shadow").status, 404)
        tried = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
        self.assertIn("a shadow: nothing is sent to its target, which is not tried", tried.stdout)
        self.assertEqual(other.deliveries(), [])

        why = hub.client("why", hub.post(calls[0]).sequences()[0]).stdout
        self.assertIn("the consumer is a shadow now", why)

    def test_a_reload_begins_to_send_where_the_shadow_stands(self):
        sink, other = self.receiver(), self.receiver()
        hub = self.hub(self.consumers(sink, other, shadow=True))
        self.accepted(hub.post([self.make.conversation() for _ in range(20)]), 20)
        hub.drained("next")
        self.assertEqual(hub.client("pause", "next").returncode, 0)
        waiting = self.accepted(hub.post([self.make.conversation() for _ in range(7)]), 7)
        hub.write_config(self.config(self.consumers(sink, other)))
        answer = hub.client("reload")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertIn("consumers.next.shadow: true -> false", answer.stdout)
        self.assertEqual(hub.client("resume", "next").returncode, 0)
        waiting += self.accepted(hub.post([self.make.conversation() for _ in range(5)]), 5)
        hub.drained("next")
        sent = [int(each) for delivery in other.deliveries() for each in delivery.headers["trunkline-sequence"].split(",")]
        self.assertEqual(sorted(sent), sorted(waiting), "what the shadow took is not sent, what waited is")
        self.assertEqual(hub.consumer("next")["shadow"], False)

        # And back: nothing is sent any more.
        hub.write_config(self.config(self.consumers(sink, other, shadow=True)))
        self.assertEqual(hub.client("reload").returncode, 0)
        self.accepted(hub.post([self.make.conversation() for _ in range(5)]), 5)
        hub.drained("next")
        self.assertEqual(len(sent), sum(len(each.headers["trunkline-sequence"].split(","))
                                        for each in other.deliveries()))
