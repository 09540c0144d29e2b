"""The supervisor's board in a real browser: tables that sort, times that tick, what is stale said."""
import json
import re
import signal
import time
import unittest

from harness import settings
from harness.browser import Browser, available
from harness.case import HubTest
from harness.process import Child, command, free_address

PICTURES = settings.ROOT / "build/screenshots"


@unittest.skipUnless(available(), "no chromium and chromedriver")
class BoardPage(HubTest):
    def browser(self, width=1280, height=900):
        browser = Browser(width, height)
        self.addCleanup(browser.close)
        return browser

    def demo(self):
        child = Child(self.directory, "demo", ["demo", "--listen", "127.0.0.1:0"])
        self.addCleanup(lambda: child.running() and child.end(9))
        self.until(lambda: re.search(r"Open\s+http://(\S+?)/\n", child.tail()), "the demonstration names no page")
        return child, re.search(r"Open\s+http://(\S+?)/\n", child.tail()).group(1)

    def column(self, browser, table, index):
        script = "return [...document.querySelectorAll(`#${arguments[0]} tbody tr`)].map(r => r.children[arguments[1]].innerText.trim())"
        return browser.run(script, table, index)

    def sort(self, browser, table, index):
        browser.click(f"#{table} thead th:nth-child({index + 1}) button")

    def test_shows_queues_agents_and_conversations_that_move_and_sorts_them(self):
        demo, address = self.demo()
        browser = self.browser()
        browser.open(f"http://{address}/")
        self.until(lambda: browser.text("#board-link") == "Open the board", "no way to the board")
        browser.click("#board-link")
        self.until(lambda: browser.text("#health") == "Live", lambda: browser.text("body"))
        self.until(lambda: len(self.column(browser, "queues", 0)) == 6, "no queues")
        self.until(lambda: len(self.column(browser, "agents", 0)) >= 20, "no agents")
        self.until(lambda: len(self.column(browser, "conversations", 0)) >= 5, "no conversations")
        self.until(lambda: any(each.endswith("%") for each in self.column(browser, "queues", 4)), "no service level")

        def levels():
            texts = [each.removesuffix(" %") for each in self.column(browser, "queues", 4) if each != "–"]
            return [float(text) for text in texts]

        self.assertTrue(all(0 <= level <= 100 for level in levels()), levels())
        # By name, up and down; the state is told to who cannot see it, too.
        self.sort(browser, "queues", 0)
        names = self.column(browser, "queues", 0)
        self.assertEqual(names, sorted(names))
        self.assertEqual(browser.run("return document.querySelector('#queues th').getAttribute('aria-sort')"), "ascending")
        self.sort(browser, "queues", 0)
        self.assertEqual(self.column(browser, "queues", 0), names[::-1])
        # By a figure that changes: sorted at every moment.
        self.sort(browser, "conversations", 2)
        self.sort(browser, "conversations", 2)

        def seconds(text):
            value = 0
            for part in text.split(":"):
                value = 60 * value + int(part)
            return value

        ages = [seconds(each) for each in self.column(browser, "conversations", 2) if each != "–"]
        self.assertIn(ages, (sorted(ages), sorted(ages)[::-1]))
        browser.screenshot(PICTURES / "supervisor.png")

        # Narrowed down to what a word is in.
        browser.type("#filter", names[2])
        self.until(lambda: self.column(browser, "queues", 0) == [names[2]], "the queues are not narrowed down")
        self.assertEqual(set(self.column(browser, "conversations", 5)) - {names[2]}, set())
        browser.type("#filter", " nonsense")
        self.until(lambda: browser.text("#queues .empty") is not None and not self.column(browser, "queues", 0), "nothing is said")
        browser.size(390, 844)
        browser.screenshot(PICTURES / "supervisor-phone.png")
        self.assertEqual(browser.log(), [], "the browser complains")
        demo.end(signal.SIGINT, 150)
        self.until(lambda: browser.text("#health") == "Not connected", "it does not say that the hub is gone")
        self.until(lambda: "old" in browser.text("#notice"), "it does not say how old the figures are")

    def test_times_tick_without_an_event_and_a_restart_shows_the_same_board(self):
        hub = self.hub({"board": {"sink": {"live": {}}}}, listen=free_address())
        file = self.directory / "day.jsonl"
        done = command("sim", "--out", file, "--events", 3000, "--interactions", 30_000, "--start", "2026-03-02T10:00:00Z",
                       "--seed", 7, "--quiet")
        self.assertEqual(done.returncode, 0, done.stderr)
        events = [json.loads(line) for line in file.read_text().splitlines()]
        for at in range(0, len(events), 100):
            self.accepted(hub.post(events[at:at + 100]), len(events[at:at + 100]))
        now = int(time.time() * 1000)
        call = {"eventTime": now, "mediaType": "CHAT", "direction": "INBOUND", "sessionId": "s", "participantId": "p"}
        self.accepted(hub.post(self.make.conversation(kind="customer.start", **call)))
        hub.drained("board")
        browser = self.browser()
        browser.open(f"{hub.url}/board")
        self.until(lambda: len(self.column(browser, "queues", 0)) > 0, lambda: browser.text("body"))
        still = {"queues": (0, 1, 3, 4, 5, 6), "agents": (0, 1, 3, 5), "conversations": (0, 1, 3, 4, 5, 6)}

        def rows(table):
            return sorted(zip(*(self.column(browser, table, index) for index in still[table])))

        before = {table: rows(table) for table in still}
        self.assertGreater(sum(int(row[2]) for row in before["queues"]), 0, "nobody talks")
        browser.type("#filter", "chat")
        self.until(lambda: len(self.column(browser, "conversations", 2)) > 0, "the call of now is not there")
        ages = lambda: self.column(browser, "conversations", 2)
        first = ages()
        self.until(lambda: ages() != first, "the time stands still")
        browser.type("#filter", "\ue003" * 4)
        hub.kill()
        self.until(lambda: browser.text("#health") == "Not connected", "it does not say that the hub is gone")
        hub.start()
        self.until(lambda: browser.text("#health") == "Live", "it does not come back")
        self.until(lambda: {table: rows(table) for table in still} == before, "the board is another one")

    def test_says_what_to_do_where_no_consumer_is_a_live_feed_and_asks_for_the_key(self):
        hub = self.hub({"crm": {"order": "conversation"}}, api={"keys": ["${env:API_KEY}"]}, env={"API_KEY": "secret-1"})
        browser = self.browser()
        browser.open(f"{hub.url}/board")
        self.until(lambda: browser.run("return document.querySelector('#key-dialog').open"), "it asks for no key")
        browser.type("#key-input", "secret-1\ue007")
        self.until(lambda: "live: {}" in (browser.text("#notice") or ""), "it does not say what is missing")


if __name__ == "__main__":
    unittest.main()
