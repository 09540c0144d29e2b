// Asks the hub each second while the page is seen, and follows its streams.

import { ApiError, call } from "./api";
import { Board } from "./board";
import { ConsumerTable } from "./consumers";
import { askWhenWanted } from "./credential";
import { byId, setClass, setText, show } from "./dom";
import { LastEvents } from "./events";
import { age, bytes, count, rate } from "./format";
import { Consumer, Demo, Rate, Status } from "./model";
import { Proof } from "./proof";
import { Spark } from "./spark";

const kPeriod = 1000;
const isDemo = document.documentElement.hasAttribute("data-demo");

const accepted = new Rate();
const acceptedNow = new Rate(1.5);
const line = new Spark(byId("in-line") as unknown as SVGElement);
const table = new ConsumerTable(() => void poll());
const board = new Board();
const lastEvents = new LastEvents();
const proof = isDemo ? new Proof() : undefined;
let peak = 0;
let reachedAt = 0;  // by performance.now()
let asking = false;

function showHealth(tone: string, word: string, notice = ""): void {
  setClass(byId("health"), `pill ${tone}`);
  setText(byId("health"), word);
  setText(byId("notice"), notice);
  show(byId("notice"), notice !== "");
}

function showStatus(status: Status, outgoing: number, consumers: Consumer[], now: number): void {
  if (status.ready) showHealth("good", "Ready");
  else showHealth("bad", "Not ready", `The hub takes no events now: ${status.reason}.`);
  const open = status.alarms_open ?? 0;
  const alarms = open > 0 ? ` · ${open === 1 ? "1 alarm is" : `${open} alarms are`} open` : "";
  setText(byId("about"), `version ${status.version} · up ${age(status.uptime_seconds)} · ${bytes(status.resident_bytes)} of memory${alarms}`);
  const incoming = accepted.add(status.events.accepted, now);
  line.add(acceptedNow.add(status.events.accepted, now));
  peak = Math.max(peak, incoming);
  setText(byId("in-rate"), rate(incoming));
  setText(byId("in-foot"), peak > 0 ? `last 2 minutes, highest ${rate(peak)}/s` : "nothing yet");
  setText(byId("accepted"), count(status.events.accepted));
  setText(byId("out-rate"), rate(outgoing));
  setText(byId("out-foot"), consumers.length === 1 ? "to 1 consumer" : `to ${consumers.length} consumers`);
  setText(byId("waiting"), count(status.consumers.waiting));
  const broken = consumers.filter((each) => each.breaker === "open" || each.breaker === "half_open").length;
  setText(byId("waiting-foot"), broken > 0 ? `${broken === 1 ? "1 breaker" : `${broken} breakers`} open` : "in all queues");
  byId("waiting-foot").classList.toggle("alarm", broken > 0);
  setText(byId("duplicates"), count(status.events.duplicates));
  const quarantined = status.events.in_quarantine;
  setText(byId("duplicates-foot"), quarantined > 0 ? `duplicates · ${count(quarantined)} in quarantine` : "duplicates");
  setText(byId("disk"), bytes(status.store.disk_bytes));
  const budget = status.store.disk_budget_bytes;
  setText(byId("disk-foot"), budget > 0 ? `of ${bytes(budget)}` : `${bytes(status.store.disk_free_bytes)} free`);
}

async function poll(): Promise<void> {
  if (asking || document.hidden) return;
  asking = true;
  try {
    const [status, list, demo] = await Promise.all([
      call<Status>("GET", "/api/v1/status"),
      call<{ consumers: Consumer[] }>("GET", "/api/v1/consumers"),
      isDemo ? call<Demo>("GET", "/demo/state") : undefined,
    ]);
    const now = performance.now();
    reachedAt = now;
    document.body.classList.remove("stale");
    const outgoing = table.update(list.consumers, now);
    showStatus(status, outgoing, list.consumers, now);
    board.follow(list.consumers);
    lastEvents.follow();
    if (demo && proof) {
      table.setReceivers(demo.receivers, demo.modes);
      proof.update(demo, list.consumers);
    }
  } catch (error) {
    document.body.classList.add("stale");
    const since = reachedAt > 0 ? ` The figures below are ${age((performance.now() - reachedAt) / 1000)} old.` : "";
    if (error instanceof ApiError) showHealth("bad", "Error", `${error.message}.${since}`);
    else showHealth("bad", "Not reachable", `The hub at ${location.host} does not answer. Asking again each second.${since}`);
  } finally {
    asking = false;
  }
}

askWhenWanted();
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    board.pause();
    lastEvents.pause();
  } else {
    void poll();
  }
});
setInterval(() => void poll(), kPeriod);
setInterval(() => {
  if (!document.hidden) table.tick(performance.now());
}, 250);
void poll();
