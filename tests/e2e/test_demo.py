"""`trunkline demo` as a newcomer meets it: the commands it prints, and its page in a real browser."""
import json
import re
import signal
import subprocess
import unittest

from harness import settings
from harness.browser import Browser, available
from harness.case import HubTest
from harness.process import Child, command, request

PICTURES = settings.ROOT / "build/screenshots"
BREAKABLE = "crm"
OTHERS = ("siem", "dashboard", "wfm")


class DemoTest(HubTest):
    def demo(self, *arguments):
        child = Child(self.directory, "demo", ["demo", "--listen", "127.0.0.1:0", *arguments])
        self.addCleanup(lambda: child.running() and child.end(9))

        def found():
            self.assertTrue(child.running(), child.tail())
            return re.search(r"Open\s+http://(\S+?)/\n", child.tail())

        self.until(found, "the demonstration names no page")
        child.address = found().group(1)
        return child

    def state(self, demo, name):
        state = request(demo.address, "GET", "/demo/state").json
        return next(each for each in state["receivers"] if each["name"] == name)

    def agrees(self, demo):
        code = demo.end(signal.SIGINT, 150)
        text = demo.tail()
        self.assertEqual(code, 0, text)
        self.assertIn("The ledgers agree: nothing lost, nothing changed, in order.", text)
        return text


class Demo(DemoTest):
    def test_ends_by_itself_and_says_as_json_that_the_ledgers_agree(self):
        done = command("demo", "--listen", "127.0.0.1:0", "--for", "3s", "--rate", "300", "--json", timeout=150)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        summary = json.loads(done.stdout)
        self.assertTrue(summary["holds"])
        self.assertGreater(summary["accepted"], 300)
        by_name = {each["name"]: each for each in summary["receivers"]}
        self.assertEqual(by_name["siem"]["delivered"], summary["accepted"])
        self.assertGreater(by_name["crm"]["delivered"], 0)
        self.assertGreater(by_name["wfm"]["delivered"], 0)
        self.assertGreater(by_name["dashboard"]["delivered"], 0)
        self.assertTrue(all(not any(each["offences"].values()) for each in by_name.values()), summary)

    def test_the_commands_that_it_prints_work(self):
        demo = self.demo("--data", "shown")
        self.until(lambda: self.state(demo, "wfm")["delivered"] > 0, "nothing arrives")
        text = demo.tail().split("In another terminal:")[1].split("Ctrl-C")[0]
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        self.assertGreaterEqual(len(lines), 4, text)
        for line in lines:
            # Those that follow for ever are given a moment.
            done = subprocess.run(["timeout", "--preserve-status", "-s", "INT", "3", "bash", "-c", line], cwd=self.directory,
                                  capture_output=True, text=True, timeout=60)
            self.assertIn(done.returncode, (0, 130), f"{line}\n{done.stdout}{done.stderr}")
            self.assertNotIn('"error"', done.stdout, line)
        self.assertEqual(self.state(demo, BREAKABLE)["mode"], "503", "one of them breaks it")
        text = self.agrees(demo)
        self.assertIn("came from somebody else", text)
        # What it ran is a configuration like any other.
        checked = command("check", "-c", self.directory / "shown/trunkline.yaml")
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        again = command("demo", "--data", "shown", cwd=self.directory)
        self.assertEqual(again.returncode, 2, again.stderr)
        self.assertIn("not empty", again.stderr)

    def test_every_way_to_break_a_downstream_ends_with_nothing_lost(self):
        demo = self.demo()
        self.until(lambda: self.state(demo, BREAKABLE)["delivered"] > 50, "nothing arrives")
        for mode in ("503", "hang", "refuse", "slow"):
            body = json.dumps({"mode": mode})
            for name in ("siem", "crm"):
                answer = request(demo.address, "POST", f"/demo/downstreams/{name}", body)
                self.assertEqual(answer.status, 200, answer)
            before = self.state(demo, "wfm")["delivered"]
            self.until(lambda: self.state(demo, "crm")["routed"] - self.state(demo, "crm")["delivered"] > 150,
                       f"{mode}: nothing waits")
            self.until(lambda: self.state(demo, "wfm")["delivered"] > before, f"{mode}: the others stand still")
            for name in ("siem", "crm"):
                request(demo.address, "POST", f"/demo/downstreams/{name}", '{"mode":"ok"}')
            self.until(lambda: all(each["routed"] - each["delivered"] < 50 for each in map(
                lambda name: self.state(demo, name), ("siem", "crm"))), f"{mode}: it does not catch up", 90)
        for name in ("siem", "crm", "wfm"):
            state = self.state(demo, name)
            self.assertEqual((state["lost"], state["out_of_order"]), (0, 0), state)
        self.agrees(demo)

    def test_refuses_what_is_no_mode_what_cannot_be_broken_and_other_sites_pages(self):
        demo = self.demo("--no-traffic")
        for path, body, status in (("crm", '{"mode":"nonsense"}', 400), ("wfm", '{"mode":"503"}', 400), ("nobody", "{}", 404),
                                   ("crm", "{", 400)):
            answer = request(demo.address, "POST", f"/demo/downstreams/{path}", body)
            self.assertEqual(answer.status, status, (path, body, answer))
        foreign = request(demo.address, "POST", "/demo/downstreams/crm", '{"mode":"503"}', {"Origin": "http://example.com"})
        self.assertEqual(foreign.status, 401)
        self.assertEqual(self.state(demo, "crm")["mode"], "ok")
        wide = command("demo", "--listen", "0.0.0.0:0")
        self.assertEqual(wide.returncode, 2, wide.stderr)


@unittest.skipUnless(available(), "no chromium and chromedriver")
class Page(DemoTest):
    def browser(self):
        browser = Browser(1280, 900)
        self.addCleanup(browser.close)
        return browser

    def figure(self, browser, consumer, name):
        return browser.number(f"#consumer-{consumer} .figure-{name}") or 0

    def proof(self, browser, consumer, name):
        return browser.number(f"#proof-{consumer} .proof-{name}")

    def test_a_break_is_seen_the_others_go_on_and_mending_brings_everything_in_order(self):
        demo = self.demo()
        browser = self.browser()
        browser.open(f"http://{demo.address}/")
        self.until(lambda: self.figure(browser, BREAKABLE, "delivered") > 100, "nothing is delivered")
        self.until(lambda: browser.text(f"#consumer-{BREAKABLE} .pill") == "Delivering", "it does not say so")
        self.assertEqual(browser.text("#health"), "Ready")
        browser.screenshot(PICTURES / "before.png")

        browser.click(f"#consumer-{BREAKABLE} .break")
        self.until(lambda: browser.text(f"#consumer-{BREAKABLE} .pill") in ("Breaker open", "Probing"),
                   lambda: f"no breaker is shown: {browser.text(f'#consumer-{BREAKABLE}')}")
        self.until(lambda: "503" in browser.text(f"#consumer-{BREAKABLE} .why"), "the reason is not said in words")
        before = {name: self.figure(browser, name, "delivered") for name in OTHERS}
        self.until(lambda: self.figure(browser, BREAKABLE, "waiting") > 200, "its backlog does not grow")
        for name in OTHERS:
            self.until(lambda: self.figure(browser, name, "delivered") > before[name] + 20, f"{name} stands still")
            self.assertEqual(browser.text(f"#consumer-{name} .pill"), {"wfm": "Pulled"}.get(name, "Delivering"))
        self.assertIn("breaker open", browser.text("#waiting-foot"))
        self.assertGreater(self.proof(browser, BREAKABLE, "way"), 100)
        self.assertEqual(self.proof(browser, BREAKABLE, "lost"), 0)
        browser.screenshot(PICTURES / "broken.png")
        browser.size(1280, 900, dark=True)
        browser.screenshot(PICTURES / "broken-dark.png")
        browser.size(390, 844)
        self.assertLessEqual(browser.run("return document.documentElement.scrollWidth"), 390, "wider than a telephone")
        browser.screenshot(PICTURES / "broken-390.png")
        browser.size(1280, 900)
        self.assertLessEqual(browser.run("return document.documentElement.scrollWidth"), 1280)

        browser.click(f"#consumer-{BREAKABLE} .break")
        self.until(lambda: browser.text(f"#consumer-{BREAKABLE} .pill") == "Delivering" and
                   self.figure(browser, BREAKABLE, "waiting") < 20, "it does not catch up", 60)
        self.until(lambda: browser.run("return document.querySelectorAll('#lesson-steps .done').length") == 5,
                   "the lesson does not end")
        for name in (BREAKABLE, *OTHERS):
            for figure in ("lost", "order"):
                self.assertEqual(self.proof(browser, name, figure), 0, (name, figure))
        browser.screenshot(PICTURES / "after.png")
        self.assertEqual(browser.log(), [], "the browser complains")
        self.agrees(demo)

    def test_shows_the_contact_centre_and_its_events_as_they_move(self):
        demo = self.demo()
        browser = self.browser()
        browser.open(f"http://{demo.address}/")
        self.until(lambda: browser.run("return document.querySelectorAll('.agent').length") >= 20, "no agents")
        self.until(lambda: browser.run("return document.querySelectorAll('.board-queues tbody tr').length") == 6, "no queues")
        self.until(lambda: browser.run("return document.querySelectorAll('#event-rows li').length") >= 5, "no events")
        names = browser.run("return [...document.querySelectorAll('.board-queues tbody th')].map(e => e.innerText)")
        self.assertEqual(names, sorted(("Billing", "Claims", "Priority", "Returns", "Sales", "Support")))
        states = "return [...document.querySelectorAll('.agent span')].map(e => e.innerText.replace(/ <?[0-9].*/, '')).join()"
        before = browser.run(states)
        self.until(lambda: browser.run(states) != before, "no agent does anything")
        topics = browser.text("#event-rows")
        self.until(lambda: browser.text("#event-rows") != topics, "no event comes")
        # The feed that is shown stops with its consumer, and no other.
        browser.click("#consumer-dashboard .actions button")
        self.until(lambda: browser.text("#consumer-dashboard .pill") == "Paused", "it is not paused")
        self.until(lambda: (self.figure(browser, "dashboard", "waiting")) > 100, "nothing waits for it")
        browser.click("#consumer-dashboard .actions button")
        self.until(lambda: browser.text("#consumer-dashboard .pill") == "Delivering" and
                   self.figure(browser, "dashboard", "waiting") < 20, "it does not catch up")
        browser.screenshot(PICTURES / "board.png")
        self.agrees(demo)

    def test_works_by_keyboard_alone(self):
        demo = self.demo()
        browser = self.browser()
        browser.open(f"http://{demo.address}/")
        self.until(lambda: browser.text("#consumer-siem .break") == "Break", "no row")
        for _ in range(12):
            browser.keys("\ue004")  # Tab
            if browser.run("return document.activeElement.getAttribute('aria-label')") == "Pause siem":
                break
        else:
            self.fail("Tab does not reach the button")
        browser.keys("\ue007")  # Enter
        self.until(lambda: browser.text("#consumer-siem .pill") == "Paused", "it is not paused")
        self.assertEqual(browser.run("return document.activeElement.getAttribute('aria-label')"), "Resume siem",
                         "the focus is kept while figures change")
        browser.keys("\ue007")
        self.until(lambda: browser.text("#consumer-siem .pill") != "Paused", "it is not resumed")
        self.agrees(demo)

    def test_asks_for_the_key_once_and_keeps_it_for_the_tab(self):
        hub = self.hub({"crm": {"order": "conversation"}}, api={"keys": ["${env:API_KEY}"]}, env={"API_KEY": "secret-1"})
        browser = self.browser()
        browser.open(f"{hub.url}/")
        self.until(lambda: browser.run("return document.querySelector('#key-dialog').open"), "it asks for no key")
        browser.type("#key-input", "wrong\ue007")
        self.until(lambda: "not known" in (browser.text("#key-wrong") or ""), "a wrong key is not said to be wrong")
        browser.screenshot(PICTURES / "key.png")
        browser.type("#key-input", "secret-1\ue007")
        self.until(lambda: browser.text("#health") == "Ready", "the key does not help")
        browser.open(f"{hub.url}/")
        self.until(lambda: browser.text("#health") == "Ready", "the key is forgotten")
        self.assertFalse(browser.run("return document.querySelector('#key-dialog').open"))
        self.assertEqual(browser.run("return Object.keys(localStorage).length + document.cookie.length"), 0)

    def test_takes_a_user_and_a_password_as_well(self):
        hub = self.hub({"crm": {"order": "conversation"}}, api={"users": {"user": "björn", "password": "${env:WORD}"}},
                       env={"WORD": " pass:wörd "})
        browser = self.browser()
        browser.open(f"{hub.url}/")
        self.until(lambda: browser.run("return document.querySelector('#key-dialog').open"), "it asks for no user")
        browser.type("#key-user", "björn")
        browser.type("#key-input", "wrong\ue007")
        self.until(lambda: "not known" in (browser.text("#key-wrong") or ""), "a wrong password is not said to be wrong")
        browser.type("#key-input", " pass:wörd \ue007")
        self.until(lambda: browser.text("#health") == "Ready", "the password does not help")
        browser.open(f"{hub.url}/")
        self.until(lambda: browser.text("#health") == "Ready", "the user is forgotten")

    def test_says_when_there_is_nothing_and_when_the_hub_is_gone(self):
        hub = self.hub({})
        browser = self.browser()
        browser.open(f"{hub.url}/")
        self.until(lambda: "No consumers" in (browser.text("#consumers-empty") or ""), "nothing is said of no consumers")
        self.assertIsNone(browser.run("return document.documentElement.getAttribute('data-demo')"))
        self.assertFalse(browser.run("return !!document.querySelector('#lesson').offsetParent"), "that is the demonstration's")
        browser.screenshot(PICTURES / "empty.png")
        hub.stop()
        self.until(lambda: browser.text("#health") == "Not reachable", "it does not notice")
        self.assertIn("does not answer", browser.text("#notice"))
        browser.screenshot(PICTURES / "gone.png")
        hub.start()
        self.until(lambda: browser.text("#health") == "Ready", "it does not come back by itself")
