"""A hub's metrics in CloudWatch: what is put, and that a CloudWatch that refuses or hangs costs the hub nothing."""
import threading
import urllib.parse

from harness.case import HubTest, http_sink

REFUSED = b"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"


def readings(delivery):
    """The data of a PutMetricData: (metric, dimension, whose) to value."""
    form = dict(urllib.parse.parse_qsl(delivery.body.decode()))
    assert form["Action"] == "PutMetricData" and form["Namespace"] == "Hubs", form
    found, number = {}, 1
    while name := form.get(f"MetricData.member.{number}.MetricName"):
        dimension = f"MetricData.member.{number}.Dimensions.member.1"
        found[name, form.get(f"{dimension}.Name"), form.get(f"{dimension}.Value")] = float(form[f"MetricData.member.{number}.Value"])
        number += 1
    return found


class CloudWatch(HubTest):
    def begin(self, cloudwatch, consumers, **root):
        env = {"TRUNKLINE_CLOUDWATCH": "Hubs", "TRUNKLINE_CLOUDWATCH_EVERY": "1s", "AWS_ENDPOINT_URL_CLOUDWATCH": cloudwatch.url,
               "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "secret"}
        return self.hub(consumers, env=env, **root)

    def taken(self, cloudwatch):
        return [readings(one) for one in cloudwatch.deliveries() if one.status == 200]

    def grown(self, cloudwatch, *key):
        return sum(each.get(key, 0) for each in self.taken(cloudwatch))

    def test_growth_adds_up_and_what_waits_is_told_signed(self):
        cloudwatch, sink = self.receiver(), self.receiver()
        hub = self.begin(cloudwatch, {"crm": {"filter": {}, "sink": http_sink(sink.url)}, "pulled": {"filter": {}}})
        for _ in range(3):
            self.accepted(hub.post([self.make.conversation() for _ in range(10)]), 10)
        self.until(lambda: self.grown(cloudwatch, "Delivered", "Consumer", "crm") == 30, lambda: self.taken(cloudwatch)[-1:])
        self.until(lambda: self.taken(cloudwatch)[-1]["Waiting", "Consumer", "pulled"] == 30, lambda: self.taken(cloudwatch)[-1:])
        last = self.taken(cloudwatch)[-1]
        self.assertEqual(self.grown(cloudwatch, "Accepted", None, None), 30)
        self.assertGreater(last["OldestAge", "Consumer", "pulled"], 0)
        self.assertEqual(last["Waiting", "Consumer", "crm"], 0)
        self.assertEqual(last["Ready", None, None], 1)
        headers = cloudwatch.deliveries()[0].headers
        self.assertRegex(headers["authorization"], "^AWS4-HMAC-SHA256 Credential=AKIDTEST/[0-9]{8}/eu-west-1/monitoring/aws4_request")

    def test_an_alarm_is_one_while_it_is_open(self):
        cloudwatch, sink = self.receiver(), self.receiver(lambda one: 400)
        hub = self.begin(cloudwatch, {"crm": {"filter": {}, "order": "conversation", "attempts": 1, "sink": http_sink(sink.url)}},
                         alarms={"window": "2s", "resolve_after": "1s"})
        self.accepted(hub.post(self.make.conversation()))
        alarm = ("OpenAlarm", "Alarm", "failed_deliveries")
        self.until(lambda: self.taken(cloudwatch) and self.taken(cloudwatch)[-1][alarm] == 1, hub.child.tail)
        self.assertEqual(self.taken(cloudwatch)[-1]["Parked", "Consumer", "crm"], 1)
        self.until(lambda: self.taken(cloudwatch)[-1][alarm] == 0, hub.child.tail)

    def test_refusals_are_logged_once_and_nothing_is_lost_or_held_up(self):
        well = threading.Event()
        cloudwatch = self.receiver(lambda one: 200 if well.is_set() else (403, {"content-type": "text/xml"}, REFUSED))
        sink = self.receiver()
        hub = self.begin(cloudwatch, {"crm": {"filter": {}, "sink": http_sink(sink.url)}})
        self.accepted(hub.post([self.make.conversation() for _ in range(20)]), 20)
        hub.drained("crm")
        self.until(lambda: len(cloudwatch.deliveries()) >= 3, hub.child.tail)
        self.assertEqual(hub.child.tail(100_000).count("AccessDenied"), 1, hub.child.tail())
        well.set()
        self.until(lambda: self.grown(cloudwatch, "Delivered", "Consumer", "crm") == 20, hub.child.tail)
        self.assertIn("metrics are put into CloudWatch again", hub.child.tail())

    def test_one_that_never_answers_holds_up_neither_events_nor_the_end(self):
        release = threading.Event()
        self.addCleanup(release.set)
        cloudwatch = self.receiver(lambda one: (release.wait(60), 200)[1])
        sink = self.receiver()
        hub = self.begin(cloudwatch, {"crm": {"filter": {}, "sink": http_sink(sink.url)}})
        self.until(lambda: len(cloudwatch.deliveries()) == 1, hub.child.tail)
        self.accepted(hub.post([self.make.conversation() for _ in range(20)]), 20)
        hub.drained("crm")
        self.assertEqual(len(cloudwatch.deliveries()), 1, "nothing is queued behind it")
        self.assertEqual(hub.stop(), 0)

    def test_without_a_region_it_does_not_start(self):
        cloudwatch = self.receiver()
        hub = self.hub({}, start=False, env={"TRUNKLINE_CLOUDWATCH": "Hubs", "AWS_CONFIG_FILE": "/nonexistent", "AWS_REGION": "",
                                             "AWS_DEFAULT_REGION": ""})
        hub.launch()
        self.assertEqual(hub.child.wait(60), 2)
        self.assertIn("AWS_REGION", hub.child.tail())
        self.assertEqual(cloudwatch.deliveries(), [])
