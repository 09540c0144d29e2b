"""Planted values and every kind of sink: what each target is sent, and what the hub shows of a target that repeats what it refuses."""
import json
import socket
import threading

from harness.case import HubTest, http_sink
from harness.plants import Plants
from harness.salesforce import FIELDS, Salesforce

# One refused event is no outage, and thirteen of them are none either.
QUICK = {"retry": {"base": "5ms", "cap": "20ms"}, "breaker": {"lanes": 10_000, "window": "200ms", "probe_every": "100ms"}, "attempts": 1}
JSON = {"content-type": "application/json"}
SECRET = "s3cret-of-the-client"
# Whatever stands in a case: of the facts that hold personal data, all that Plants has values for.
CASE = {"Status": "status", "Subject": "subject", "Phone__c": "ani", "Notes__c": "wrapupNotes", "Card__c": "attribute.card"}
# What is sent by these presets is made of ids and states alone.
PRESETS = {"dynamics365": {"host": "acme.crm.dynamics.com"}, "hubspot": {}, "zendesk": {"host": "acme.zendesk.com"},
           "servicenow": {"host": "acme.service-now.com", "staging": "u_genesys"},
           "wfm_rta": {"url": "https://wfm.example", "authentication_key": "key-123456", "source_id": "1"}}
ECHOES = ("hook-echo", "splunk-echo", "search-echo", "datadog-echo", "sentinel-echo", "template-echo", "crm-echo")


class Org(Salesforce):
    """Refuses each record, and says what stood in it."""

    def _upsert(self, request, body):
        said = [{"success": False, "errors": [{"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "not " + json.dumps(each)}]}
                for each in body["records"]]
        return (200, said) if self.refuses else super()._upsert(request, body)

    refuses = True
    fields = FIELDS | set(CASE)


class Lines:
    """A syslog receiver that reads what comes."""

    def __init__(self):
        self.bytes = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        try:
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._read, args=(connection,), daemon=True).start()
        except OSError:
            pass

    def _read(self, connection):
        with connection:
            while part := connection.recv(65536):
                self.bytes += part

    def close(self):
        self._listener.close()


def accept(delivery):
    """Takes whatever comes, in the words of each protocol."""
    if delivery.path.startswith("/_bulk"):
        items = [{"create": {"status": 201}}] * (delivery.body.count(b"\n") // 2)
        return 200, JSON, json.dumps({"errors": False, "items": items}).encode()
    if delivery.path.endswith("/token"):
        return 200, JSON, b'{"access_token":"token-0123456789","token_type":"Bearer","expires_in":3600}'
    if delivery.path.startswith("/services/collector"):
        return 200, JSON, b'{"text":"Success","code":0}'
    return 200, JSON, b"{}"


def refuse(delivery):
    """Refuses it likewise, and repeats it."""
    if delivery.path.endswith("/token"):
        return accept(delivery)
    said = delivery.body.decode()
    if delivery.path.startswith("/_bulk"):
        documents = said.split("\n")[1::2]
        items = [{"create": {"status": 400, "error": {"type": "document_parsing_exception", "reason": "failed to parse " + each}}}
                 for each in documents]
        return 200, JSON, json.dumps({"errors": True, "items": items}).encode()
    if delivery.path.startswith("/services/collector"):
        return 400, JSON, json.dumps({"text": "Invalid data format " + said, "code": 6, "invalid-event-number": 0}).encode()
    return 400, JSON, json.dumps({"errors": [{"detail": said}]}).encode()


def be_out(delivery):
    """As a gateway does that shows the request which it could not hand on."""
    return 503, JSON, json.dumps({"lost": json.loads(delivery.body)["detail"]["eventBody"]}).encode()


class PrivacyOfEverySink(HubTest):
    def sinks(self, url, lines, cef, org):
        """Every kind that this program has, by its name, at one target."""
        case = {"url": org.url, "allow_loopback": True, "fields": CASE,
                "oauth": {"client_id": "hub", "client_secret": "${env:CRM_SECRET}"}}
        return {
            "hook": http_sink(url + "/hook"),
            "splunk": {"splunk_hec": {"url": url, "token": "a-token-of-a-test", "gzip": False}},
            "search": {"elasticsearch": {"url": url, "gzip": False}},
            "datadog": {"datadog": {"url": url, "api_key": "0123456789abcdef", "gzip": False}},
            "sentinel": {"sentinel": {"endpoint": url, "rule": "dcr-1", "stream": "Custom-G_CL", "tenant": "tenant-1", "client_id": "app",
                                      "client_secret": "s3cr3t-of-the-app", "authority": url, "gzip": False}},
            "template": {"template": {"url": url + "/t/{{event._conversationId | default:\"none\"}}", "allow_loopback": True,
                                      "headers": {"x-of": "{{event.detail.eventBody.ani | default:\"none\"}}"},
                                      "body": '{"all":{{event | json}}}'}},
            "crm": {"salesforce": case},
            "lines": {"syslog": {"address": lines.address, "transport": "tcp"}},
            "cef": {"syslog": {"address": cef.address, "transport": "tcp"}},
        }

    def targets(self):
        self.good, self.bad, self.out = self.receiver(accept), self.receiver(refuse), self.receiver(be_out)
        self.lines, self.cef = Lines(), Lines()
        self.orgs = Org(("hub", SECRET)), Org(("hub", SECRET))
        self.orgs[0].refuses = False
        for each in (self.lines, self.cef, *self.orgs):
            self.addCleanup(each.close)

    def config_of(self, **privacy):
        self.targets()
        url = lambda receiver: receiver.url.removesuffix("/hook")
        consumers = {}
        for name, sink in self.sinks(url(self.good), self.lines, self.cef, self.orgs[0]).items():
            more = {"order": "conversation"} if name == "crm" else {}
            if name == "cef":
                more = {"filter": {"eventCategory": ["audit"]}, "mapping": "cef-audit"}
            consumers[name] = {"filter": {}, **QUICK, **more, **privacy, "sink": sink}
        for name, sink in self.sinks(url(self.bad), self.lines, self.cef, self.orgs[1]).items():
            more = {"order": "conversation", "on_exhausted": "skip"} if name == "crm" else {}
            if name + "-echo" in ECHOES:
                consumers[name + "-echo"] = {"filter": {}, **QUICK, **more, **privacy, "sink": sink}
        consumers["out"] = {"filter": {}, **QUICK, **privacy, "sink": http_sink(self.out.url)}
        for preset, given in PRESETS.items():
            consumers["preset-" + preset] = {"filter": {}, "shadow": True, **privacy,
                                             "sink": {"template": {"preset": preset, "vars": given}}}
        return consumers

    def run_all(self, views=None, **privacy):
        plants = Plants(self.make)
        (self.directory / "names.json").write_text(json.dumps({user: plants("Name Table ") for user in plants.users}))
        ops = self.receiver()
        consumers = self.config_of(**privacy)
        root = {"privacy": {"views": views}} if views else {}
        hub = self.hub(consumers, names={"file": "./names.json"}, log={"level": "debug"}, env={"CRM_SECRET": SECRET},
                       alarms={"window": "1h", "failed_deliveries": 1, "webhook": {"url": ops.url, "allow_loopback": True}}, **root)
        sequences = self.accepted(hub.post(plants.events), len(plants.events))
        self.until(lambda: self.outages(hub), "the log says what a target that is out has said")
        self.out.change(accept)
        hub.drained(*consumers)
        letters = {name: [each["sequence"] for each in hub.api("GET", f"/consumers/{name}/dead-letters?limit=100").json["dead_letters"]]
                   for name in ECHOES}
        for name in ECHOES:
            self.assertGreater(len(letters[name]), 3, f"{name} has refused")
            if name != "crm-echo":
                self.assertEqual(letters[name], sequences, name)
        self.until(lambda: len(ops.taken()) >= len(ECHOES), "every failure is told")
        self.redrive_all(hub)
        sent = lambda receiver, part: "".join(each.method + each.path + str(each.headers) + each.body.decode()
                                              for each in receiver.deliveries() if part in each.path)
        seen = {name: sent(self.good, part) for name, part in
                (("hook", "/hook"), ("splunk", "/collector"), ("search", "/_bulk"), ("datadog", "/api/v2/logs"),
                 ("sentinel", "/dataCollectionRules"), ("template", "/t/"))}
        seen |= {"lines": self.lines.bytes.decode(), "cef": self.cef.bytes.decode(), "crm": json.dumps(self.orgs[0].cases)}
        seen |= {preset: hub.api("GET", f"/consumers/preset-{preset}/shadow").body.decode() for preset in PRESETS}
        seen |= self.views(hub, letters)
        seen |= {"log": hub.child.log.read_text(), "alarm webhook": "".join(each.body.decode() for each in ops.deliveries())}
        return plants, seen

    def outages(self, hub):
        """What the log says of the one target that is out."""
        return [line for line in hub.child.log.read_text().splitlines() if "downstream unavailable" in line and "http_503" in line]

    def redrive_all(self, hub):
        """They are refused once more, and operations have something to tell."""
        for name in ECHOES:
            done = hub.client("dlq", "redrive", name, "--all", "--stop-share", "1", "--rate", "1000")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        going = lambda: [each for each in hub.api("GET", "/operations").json["operations"] if each["given"] < 5]
        self.until(lambda: not going(), going)

    def views(self, hub, letters):
        """By consumer that failed: what operators are shown of it. And what they are shown of all."""
        said = lambda *arguments: (done := hub.client(*arguments)).stdout + done.stderr
        seen = {}
        for name in ECHOES:
            some = letters[name]
            seen[name] = (hub.api("GET", f"/consumers/{name}").body.decode() + said("consumers", name) + said("dlq", "ls", name) +
                          said("dlq", "ls", name, "--json") + "".join(said("dlq", "show", name, each) for each in some[:2]) +
                          "".join(hub.api("GET", f"/consumers/{name}/dead-letters/{each}").body.decode() for each in some) +
                          said("dlq", "redrive", name, "--all", "--dry-run") +
                          said("replay", "--consumer", name, "--from", "1h", "--dry-run"))
        some = letters["hook-echo"]
        seen["why"] = "".join(said("why", each, "--full") for each in some[:3]) + "".join(
            hub.api("GET", f"/why/{each}").body.decode() for each in some)
        seen["explain"] = "".join(said("explain", each) for each in some[:3]) + "".join(
            hub.api("POST", "/explain", {"sequence": each}).body.decode() for each in some)
        seen["matches"] = said("matches", "{}") + said("matches", "{}", "--json")
        seen["backtest"] = said("backtest", "cef", "{}") + said("backtest", "cef", "{}", "--json")
        seen["replays"] = said("replay", "--consumer", "hook", "--from", "1h", "--dry-run", "--json")
        seen["operations"] = said("operations") + hub.api("GET", "/operations").body.decode() + "".join(
            hub.api("GET", f"/operations/{number + 1}").body.decode() for number in range(len(ECHOES)))
        seen["audit"] = said("audit") + hub.api("GET", "/audit").body.decode()
        seen["alarms"] = said("alarms", "--recent") + hub.api("GET", "/alarms").body.decode()
        seen["metrics"] = hub.get("/metrics").body.decode()
        seen["pages"] = hub.get("/").body.decode() + hub.get("/board").body.decode()
        return seen

    def leaks(self, plants, seen, names):
        return {name: found for name in names if (found := plants.found_in(seen[name]))}

    def test_one_word_keeps_every_planted_value_out_of_every_sink_and_every_view(self):
        plants, seen = self.run_all(privacy="protect")
        self.assertEqual(self.leaks(plants, seen, seen), {})
        self.assert_said(seen)
        for name in ("lines", "hook", "splunk", "search", "datadog", "sentinel", "template"):
            self.assertIn("propertyChanges", seen[name], "what is not personal is delivered")
        self.assertIn("CEF:0|Genesys|Genesys Cloud|2|User:Update|Update User|", seen["cef"])
        for preset in PRESETS:
            self.assertGreater(len(json.loads(seen[preset])["newest"]), 0, preset)

    def test_without_it_they_are_found_so_the_search_finds(self):
        plants, seen = self.run_all(privacy="none")
        for name in ("hook", "splunk", "search", "datadog", "sentinel", "template", "lines"):
            missed = plants.values - set(plants.found_in(seen[name]))
            self.assertLess(len(missed), 4, f"{name}: {missed}")
        for name in ("cef", "crm", *ECHOES, "log", "why", "backtest", "matches"):
            self.assertNotEqual(plants.found_in(seen[name]), [], name)

    def test_views_are_protected_of_consumers_that_are_not(self):
        plants, seen = self.run_all(views="protect", privacy="none")
        targets = ("hook", "splunk", "search", "datadog", "sentinel", "template", "lines", "cef", "crm")
        self.assertEqual([name for name in targets if not plants.found_in(seen[name])], [], "they are to have it")
        self.assertEqual(self.leaks(plants, seen, set(seen) - set(targets)), {})
        self.assert_said(seen)

    def assert_said(self, seen):
        """What targets say is kept, but for the values: else its absence shows nothing."""
        self.assertRegex(seen["log"], r"downstream unavailable.*http_503.*lost")
        for name, word in zip(ECHOES, ("errors", "Invalid data format", "failed to parse", "errors", "errors", "errors", "not {")):
            self.assertIn(word, seen[name], name)
