"""`trunkline aws plan`: the template and the errors of a configuration that cannot be deployed. No account is needed."""
import json

from harness.case import HubTest
from harness.process import command

URL = "https://sqs.eu-central-1.amazonaws.com/111122223333/genesys-events"
SOURCE = {"kind": "sqs", "sqs": {"queue_url": URL, "event_bus": "aws.partner/genesys.com/cloud/0b5e/trunkline"}}
CONSUMERS = {
    "siem": {"filter": {}, "sink": {"splunk_hec": {"url": "https://splunk:8088", "token": "${env:NO_SUCH_TOKEN}"}}},
    "crm": {"filter": {"eventCategory": ["conversation"]}, "order": "conversation", "sink": {"http": {"url": "https://crm.example/hook"}}},
    "wfm": {"filter": {"eventCategory": ["wfm", "agent"]}, "order": "agent"},
}


class AwsPlan(HubTest):
    def plan(self, *arguments, source=SOURCE, consumers=CONSUMERS, **more):
        config = {"sources": {"genesys": source} if source else {}, "consumers": consumers, **more}
        (self.directory / "trunkline.yaml").write_text(json.dumps(config))
        return command("aws", "plan", "-c", "trunkline.yaml", *arguments, cwd=self.directory, env={"HOME": str(self.directory)})

    def refused(self, **changes):
        done = self.plan(**changes)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        return done.stderr

    def test_the_template_goes_to_standard_output_and_the_price_beside_it(self):
        done = self.plan()
        self.assertEqual(done.returncode, 0, done.stderr)
        template = json.loads(done.stdout)
        self.assertEqual(template["Resources"]["QueueCrm"]["Properties"]["QueueName"], "trunkline-2-crm.fifo")
        self.assertEqual(template["Resources"]["QueueSiem"]["Properties"]["QueueName"], "trunkline-1-siem")
        self.assertIn("from memory, not looked up", done.stderr)
        self.assertIn("us-east-1", done.stderr)
        self.assertIn("queue of crm", done.stderr)
        self.assertEqual(self.plan().stdout, done.stdout, "the same bytes")

    def test_a_credential_that_is_not_here_is_no_error_and_not_in_the_template(self):
        done = self.plan()
        self.assertNotIn("NO_SUCH_TOKEN", done.stderr + done.stdout)

    def test_a_file_of_before_keeps_the_numbers_of_its_queues(self):
        self.assertEqual(self.plan("--out", "stack.json").returncode, 0)
        done = self.plan("--out", "stack.json", "--json", consumers={"new": {"filter": {}}, **CONSUMERS})
        self.assertEqual(done.returncode, 0, done.stderr)
        summary = json.loads(done.stdout)
        names = {each["id"]: each["name"] for each in summary["resources"]}
        self.assertEqual((names["QueueCrm"], names["QueueNew"]), ("trunkline-2-crm.fifo", "trunkline-4-new"))
        (self.directory / "stack.json").write_text("{}")
        done = self.plan("--out", "stack.json")
        self.assertEqual(done.returncode, 2)
        self.assertIn("stack.json: no template of `trunkline aws plan`", done.stderr)

    def test_prices_of_a_file_are_taken_and_a_wrong_name_is_said(self):
        built_in = json.loads(self.plan("--out", "s.json", "--json").stdout)
        prices = {**built_in["prices"], "region": "eu-central-1", "source": "the price list"}
        prices["usd"] = {name: 2 * usd for name, usd in prices["usd"].items()}
        (self.directory / "prices.json").write_text(json.dumps(prices))
        doubled = json.loads(self.plan("--out", "s.json", "--json", "--prices", "prices.json").stdout)
        self.assertAlmostEqual(doubled["per_thousand_events"]["usd"], 2 * built_in["per_thousand_events"]["usd"])
        self.assertEqual(doubled["prices"]["region"], "eu-central-1")
        (self.directory / "prices.json").write_text(json.dumps({**prices, "usd": {"sqs": 1}}))
        done = self.plan("--prices", "prices.json")
        self.assertEqual(done.returncode, 2)
        self.assertIn("prices.json: usd: there is no price 'sqs'", done.stderr)

    def test_only_what_feeds_the_hub(self):
        windowed = {"crm": {"filter": {}, "order": "conversation", "event_time_window": "5s"}}
        self.assertIn("consumers.crm.event_time_window", self.refused(consumers=windowed))
        done = self.plan(consumers=windowed, aws={"deploy": "ingest"})
        self.assertEqual(done.returncode, 0, done.stderr)
        types = {each["Type"] for each in json.loads(done.stdout)["Resources"].values()}
        self.assertNotIn("AWS::DynamoDB::Table", types)
        self.assertIn("AWS::Events::Rule", types)

    def test_workers_that_take_events_themselves_need_no_queue_to_fetch_from(self):
        http = {"kind": "eventbridge", "auth": {"api_key": "${env:NO_SUCH_TOKEN}"}}
        done = self.plan(source=http, engine="aws", aws={"region": "eu-west-1"})
        self.assertEqual(done.returncode, 0, done.stderr)
        resources = json.loads(done.stdout)["Resources"]
        self.assertIn("QueueCrm", resources)
        self.assertNotIn("AWS::Events::Rule", {each["Type"] for each in resources.values()})
        self.assertNotIn("EventBridge", done.stderr.split("1,000 events")[1].split("note:")[0])
        self.assertIn("in eu-west-1", done.stderr)
        # Without workers there is nobody to take them.
        self.assertIn("kind: sqs", self.refused(source=http, engine="aws", aws={"functions": {
            "run": "ingest", "environment": {"NO_SUCH_TOKEN": "x"}}}))
        self.assertIn("kind: sqs", self.refused(source=http))

    def test_what_cannot_be_deployed_says_the_way_out(self):
        self.assertIn("kind: sqs", self.refused(source=None))
        self.assertIn("event_bus: missing", self.refused(source={"kind": "sqs", "sqs": {"queue_url": URL}}))
        fifo = {"kind": "sqs", "sqs": {**SOURCE["sqs"], "queue_url": URL + ".fifo"}}
        self.assertIn("one message group", self.refused(source=fifo))
        self.assertIn("aws.prefix", self.refused(aws={"prefix": "a b"}))
        self.assertIn("crm_1", self.refused(consumers={"crm-1": {"filter": {}}, "crm_1": {"filter": {}}}))
        self.assertIn("unknown key", self.refused(aws={"tabel": "t"}))

    def test_a_template_that_is_too_large_for_a_call_says_how_to_give_it(self):
        many = {f"consumer-{i}": {"filter": {}, "order": "agent"} for i in range(30)}
        done = self.plan(consumers=many)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("--s3-bucket", done.stderr)
        json.loads(done.stdout)

    def with_functions(self, *arguments, consumers=None, engine="aws", **functions):
        wfm = {**CONSUMERS["wfm"], "function": False}
        given = {"run": "all", "environment": {"NO_SUCH_TOKEN": "{{resolve:secretsmanager:hec:SecretString:token}}"}, **functions}
        return self.plan(*arguments, consumers=consumers or {**CONSUMERS, "wfm": wfm}, engine=engine, aws={"functions": given})

    def test_functions_take_and_deliver(self):
        done = self.with_functions(code="s3://a-bucket/some/place", memory="512MiB")
        self.assertEqual(done.returncode, 0, done.stderr)
        template = json.loads(done.stdout)
        resources = template["Resources"]
        functions = {id: each["Properties"] for id, each in resources.items() if each["Type"] == "AWS::Lambda::Function"}
        self.assertEqual({id: each["Handler"] for id, each in functions.items()}, {
            "FunctionIngestGenesys": "ingest:genesys", "FunctionDeliverSiem": "consumer:siem", "FunctionDeliverCrm": "consumer:crm"})
        self.assertEqual({each["MemorySize"] for each in functions.values()}, {512})
        # An environment's credential is CloudFormation's to find.
        self.assertEqual(functions["FunctionDeliverSiem"]["Environment"]["Variables"], {
            "NO_SUCH_TOKEN": "{{resolve:secretsmanager:hec:SecretString:token}}"})
        self.assertEqual(template["Parameters"]["FunctionCodeBucket"]["Default"], "a-bucket")
        mapping = resources["MappingDeliverCrm"]["Properties"]
        self.assertEqual((mapping["BatchSize"], mapping["ScalingConfig"], mapping["FunctionResponseTypes"]), (
            10, {"MaximumConcurrency": 16}, ["ReportBatchItemFailures"]))
        for id, queue in (("DeliverCrm", "QueueCrm"), ("IngestGenesys", "IngestGenesys")):
            self.assertGreaterEqual(resources[queue]["Properties"]["VisibilityTimeout"], 6 * functions["Function" + id]["Timeout"])
        self.assertIn("function of crm: GB-seconds", done.stderr)
        self.assertIn("every minute: invocations", done.stderr)
        self.assertIn("parameters FunctionCodeBucket and FunctionCodeKey", done.stderr)

    def test_the_time_of_a_function_is_above_that_of_its_sink_and_batches_are_waited_for_by_lambda(self):
        consumers = {"crm": {"filter": {}, "order": "conversation", "concurrency": 3, "batch": {"age": "20s"},
                             "sink": {"http": {"url": "https://crm.example/hook", "timeout": "45s"}}},
                     "siem": {**CONSUMERS["siem"], "batch": {"messages": 500, "age": "20s"}}}
        done = self.with_functions(consumers=consumers)
        self.assertEqual(done.returncode, 0, done.stderr)
        resources = json.loads(done.stdout)["Resources"]
        self.assertEqual(resources["FunctionDeliverCrm"]["Properties"]["Timeout"], 47)
        crm, siem = (resources["MappingDeliver" + name]["Properties"] for name in ("Crm", "Siem"))
        self.assertEqual((crm["BatchSize"], crm["ScalingConfig"]["MaximumConcurrency"]), (10, 3))
        self.assertNotIn("MaximumBatchingWindowInSeconds", crm)
        self.assertEqual((siem["BatchSize"], siem["MaximumBatchingWindowInSeconds"]), (500, 20))
        self.assertEqual(resources["QueueCrm"]["Properties"]["VisibilityTimeout"], 6 * 47)

    def test_one_side_alone(self):
        for run, names in (("ingest", {"FunctionIngestGenesys"}), ("consumers", {"FunctionDeliverSiem", "FunctionDeliverCrm"}),
                           ("none", set())):
            resources = json.loads(self.with_functions(run=run).stdout)["Resources"]
            self.assertEqual({id for id, each in resources.items() if each["Type"] == "AWS::Lambda::Function"}, names)

    def test_what_cannot_be_a_function_is_refused_where_it_stands(self):
        def said(**changes):
            done = self.with_functions(**changes)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            return done.stderr
        self.assertRegex(said(consumers=CONSUMERS), r"trunkline.yaml:1:\d+: error: no function can deliver 'wfm', which has no sink")
        crm = {"filter": {}, "sink": {"http": {"url": "https://crm.example/hook"}}}
        self.assertRegex(said(consumers={"crm": {**crm, "shadow": True}}), r"yaml:1:\d+: error: 'crm' is a shadow")
        self.assertRegex(said(consumers={"crm": {**crm, "concurrency": 1}}), r"yaml:1:\d+: error: 'concurrency' of a function is 2 to 1000")
        self.assertRegex(said(engine="embedded"), r"yaml:1:\d+: error: 'aws.functions.run' needs 'engine: aws'")
        self.assertIn("aws.functions.environment.NO_SUCH_TOKEN: missing", said(environment={"OTHER": "x"}))
        self.assertIn("is Lambda's own to set", said(environment={"AWS_REGION": "x"}))

    def test_help_has_examples(self):
        shown = command("aws", "plan", "--help").stdout
        self.assertIn("aws cloudformation deploy", shown)
        self.assertIn("--prices", shown)
