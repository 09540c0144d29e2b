// The page's own rules, without a browser: what it makes of the API's figures.
import assert from "node:assert/strict";
import test from "node:test";
import { pathToFileURL } from "node:url";

const bundle = (name) => import(pathToFileURL(`${process.env.PAGE_BUNDLE}/${name}.js`));
const { Rate, stateOf, inWords, arrivedFor, lateness, outlook } = await bundle("model");
const { age, bytes, count, rate, stopwatch } = await bundle("format");

const consumer = (members) => ({
  name: "crm", sink: "http", target: "", order: "conversation", paused: false, waiting: 0, in_flight: 0, backing_off: 0, parked: 0,
  dead_letters: 0, delivered: 0, expired: 0, oldest_waiting: null, oldest_waiting_seconds: 0, breaker: "closed", last_error: null,
  ...members,
});
const word = (members, incoming = 10, outgoing = 10) => stateOf(consumer(members), incoming, outgoing).word;

test("a rate is taken over the last seconds, not since the beginning", () => {
  const each = new Rate(4);
  for (let second = 0; second <= 20; second += 1) each.add(second * 100, second * 1000);
  assert.equal(each.value(), 100);
  for (let second = 21; second <= 30; second += 1) each.add(2000, second * 1000);
  assert.equal(each.value(), 0);
});

test("a counter that falls began anew and makes no negative rate", () => {
  const each = new Rate(4);
  each.add(5000, 0);
  each.add(5100, 1000);
  each.add(10, 2000);
  assert.equal(each.value(), 0);
  assert.equal(each.add(60, 3000), 50);
});

test("what arrived for a consumer is what was settled and what is left, in every state", () => {
  assert.equal(arrivedFor(consumer({ delivered: 1, expired: 2, waiting: 4, in_flight: 8, backing_off: 16, parked: 32, dead_letters: 64 })), 127);
});

test("what waits is told in time, not only in numbers", () => {
  assert.equal(outlook(consumer({}), age), "");
  assert.equal(outlook(consumer({ drain: { outlook: "draining", seconds: 75 }, expires_in_seconds: 7200 }), age),
               "delivered in 1 min 15 s, the oldest expires in 2 h 00 min");
  assert.equal(outlook(consumer({ drain: { outlook: "growing", seconds: null }, expires_in_seconds: 60 }), age),
               "more comes than goes, the oldest expires in 1 min 00 s");
  const recent = { minute: { delivered: 3, p50_millis: 4, p99_millis: 31 }, quarter_hour: { delivered: 3, p50_millis: 4, p99_millis: 31 } };
  assert.match(lateness(consumer({ recent })), /half within 4 ms, 99 % within 31 ms/);
  assert.equal(lateness(consumer({ recent: { minute: { delivered: 0, p50_millis: null, p99_millis: null } } })), "");
});

test("an operator's pause is said before everything else, and a breaker before what waits", () => {
  assert.equal(word({ paused: true, breaker: "open", parked: 3 }), "Paused");
  assert.equal(word({ breaker: "open", parked: 3 }), "Breaker open");
  assert.equal(word({ breaker: "half_open" }), "Probing");
  assert.equal(word({ parked: 1, backing_off: 1 }), "Parked lanes");
  assert.equal(word({ backing_off: 1 }), "Retrying");
});

test("a backlog is told apart by where it goes", () => {
  const late = { waiting: 500, oldest_waiting_seconds: 30 };
  assert.equal(word(late, 100, 900), "Catching up");
  assert.equal(word(late, 100, 50), "Falling behind");
  assert.equal(word({ ...late, sink: "pulled", breaker: undefined }), "Waiting");
  assert.equal(word({ waiting: 3, oldest_waiting_seconds: 0.2 }), "Delivering");
});

test("a downstream's failure is said in words, and one without words by its own", () => {
  assert.match(inWords({ class: "http_503", detail: "" }), /unavailable \(503\)/);
  assert.match(inWords({ class: "http_418", detail: "" }), /418/);
  assert.match(inWords({ class: "hec_9", detail: "Server is busy" }), /Server is busy/);
  assert.equal(inWords({ class: "odd", detail: "the cat sat on it" }), "the cat sat on it");
  assert.equal(inWords(null), "it does not take events");
});

test("numbers, ages and sizes are short and never nothing where there is something", () => {
  assert.deepEqual([rate(0), rate(0.04), rate(3.26), rate(9.97), rate(12345.6)], ["0", "<0.1", "3.3", "10", "12,346"]);
  assert.deepEqual([age(0.2), age(59.9), age(61), age(3600), age(90000)], ["<1 s", "59 s", "1 min 01 s", "1 h 00 min", "1 d 01 h"]);
  assert.deepEqual([bytes(0), bytes(1023), bytes(1536), bytes(10 * 2 ** 30)], ["0 B", "1023 B", "1.5 KiB", "10.0 GiB"]);
  assert.deepEqual([stopwatch(7), stopwatch(225.9), stopwatch(3723)], ["0:07", "3:45", "1:02:03"]);
  assert.equal(count(1234567), "1,234,567");
});
