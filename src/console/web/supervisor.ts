// The board of a live consumer as a supervisor reads it: queues, agents, conversations, as tables whose times tick.

import { ApiError, call, Stream, StreamState } from "./api";
import { askWhenWanted } from "./credential";
import { byId, make, setClass, setText, show } from "./dom";
import { age, count, stopwatch } from "./format";
import { Agent, Conversation, isThere, kStateWords, LiveBoard, lookOf, nameOf, presenceWord, Queue, sinceOf } from "./live";
import { Consumer } from "./model";
import { Cell, SortedTable } from "./table";

const kTick = 1000;
const kDrawEvery = 400;  // ms: the eye sees no more
const kSilence = 2 * 60_000;  // without a change: said, for it may be the night or a broken source

const board = new LiveBoard();
const filter = byId<HTMLInputElement>("filter");
const feeds = byId<HTMLSelectElement>("feed");
let stream: Stream | undefined;
let following = "";
let state: StreamState = "closed";
let changedAt = 0;  // by performance.now()
let drawing = 0;

function word(text: string): Cell {
  return { text: text || "–", order: text || null };
}
function number(value: number): Cell {
  return { text: count(value), order: value };
}
function since(time: string | null, now: number, write: (seconds: number) => string): Cell {
  const seconds = (now - Date.parse(time ?? "")) / 1000;
  return Number.isNaN(seconds) ? { text: "–", order: null } : { text: write(Math.max(0, seconds)), order: seconds };
}
function percent(value: number | null): Cell {
  return { text: value === null ? "–" : `${value.toFixed(1)} %`, order: value };
}
function pill(text: string, tone: string, stale: boolean): Cell {
  return { text: stale ? `${text} ?` : text, order: text, tone: stale ? "off" : tone };
}
function named(part: Map<string, { id: string; name: string | null }>, id: string | null): string {
  if (id === null) return "";
  return nameOf(part.get(id) ?? { id, name: null });
}

const queues = new SortedTable<Queue>(byId("queues"), [
  { title: "Queue", cell: (queue) => word(nameOf(queue)) },
  { title: "Waiting", numeric: true, descends: true, cell: (queue) => number(queue.waiting) },
  { title: "Longest wait", numeric: true, descends: true, cell: (queue, now) => since(queue.oldestWaitingSince, now, age) },
  { title: "Talking", numeric: true, descends: true, cell: (queue) => number(queue.interacting) },
  { title: "Service level", numeric: true, cell: (queue) => percent(queue.serviceLevel) },
  { title: "Answered", numeric: true, descends: true, cell: (queue) => number(queue.answered) },
  { title: "Abandoned", numeric: true, descends: true, cell: (queue) => number(queue.abandoned) },
], 1, "No queue has been heard of.", draw);

const agents = new SortedTable<Agent>(byId("agents"), [
  { title: "Agent", cell: (agent) => word(nameOf(agent)) },
  { title: "State", cell: (agent) => pill(lookOf(agent).word, lookOf(agent).tone, agent.stale) },
  { title: "For", numeric: true, descends: true, cell: (agent, now) => since(sinceOf(agent), now, stopwatch) },
  { title: "Presence", cell: (agent) => word(presenceWord(agent)) },
  { title: "Presence for", numeric: true, descends: true, cell: (agent, now) => since(agent.presenceSince, now, stopwatch) },
  { title: "Routing status", cell: (agent) => word((agent.routingStatus ?? "").replace(/_/g, " ").toLowerCase()) },
  { title: "Queue", cell: (agent) => word(named(board.queues, board.conversations.get(agent.conversation ?? "")?.queue ?? null)) },
], 0, "No agent is there.", draw);

const kTones: Record<string, string> = { waiting: "warn", alerting: "warn", connected: "busy", hold: "warn" };
const conversations = new SortedTable<Conversation>(byId("conversations"), [
  { title: "Conversation", cell: (each) => word(each.id.slice(0, 8)) },
  { title: "State", cell: (each) => pill(kStateWords[each.state] ?? each.state, kTones[each.state] ?? "off", each.stale) },
  { title: "For", numeric: true, descends: true, cell: (each, now) => since(each.since, now, stopwatch) },
  { title: "Medium", cell: (each) => word(each.media ?? "") },
  { title: "Direction", cell: (each) => word(each.direction ?? "") },
  { title: "Queue", cell: (each) => word(named(board.queues, each.queue)) },
  { title: "Agent", cell: (each) => word(named(board.agents, each.agent)) },
], 2, "No conversation is under way.", draw);

// An item stays when each word is in what is shown of it.
function matching<T>(items: Iterable<T>, text: (item: T) => string): T[] {
  const words = filter.value.toLowerCase().split(/\s+/).filter((each) => each !== "");
  const all = [...items];
  if (words.length === 0) return all;
  return all.filter((item) => {
    const shown = text(item).toLowerCase();
    return words.every((each) => shown.includes(each));
  });
}

function drawTables(now: number): void {
  queues.update(matching(board.queues.values(), (queue) => `${nameOf(queue)} ${queue.id}`), now);
  agents.update(matching([...board.agents.values()].filter(isThere), (agent) =>
      `${nameOf(agent)} ${agent.id} ${lookOf(agent).word} ${presenceWord(agent)} ${agent.routingStatus ?? ""}`), now);
  conversations.update(matching(board.conversations.values(), (each) =>
      `${each.id} ${kStateWords[each.state] ?? each.state} ${each.media ?? ""} ${each.direction ?? ""} ` +
      `${named(board.queues, each.queue)} ${named(board.agents, each.agent)}`), now);
}

function drawTiles(now: number): void {
  let waiting = 0, talking = 0, answered = 0, abandoned = 0, inTime = 0;
  let longest: Queue | undefined;
  for (const queue of board.queues.values()) {
    waiting += queue.waiting;
    talking += queue.interacting;
    answered += queue.answered;
    abandoned += queue.abandoned;
    inTime += (queue.serviceLevel ?? 0) / 100 * (queue.answered + queue.abandoned);
    if (queue.oldestWaitingSince && (!longest || queue.oldestWaitingSince < longest.oldestWaitingSince!)) longest = queue;
  }
  const there = [...board.agents.values()].filter(isThere);
  setText(byId("waiting"), count(waiting));
  setText(byId("waiting-foot"), `in ${count(board.queues.size)} queues`);
  setText(byId("longest"), longest ? since(longest.oldestWaitingSince, now, age).text : "–");
  setText(byId("longest-foot"), longest ? nameOf(longest) : "nobody waits");
  setText(byId("level"), answered + abandoned > 0 ? `${(100 * inTime / (answered + abandoned)).toFixed(1)} %` : "–");
  setText(byId("level-foot"), `of ${count(answered + abandoned)} lately`);
  setText(byId("abandoned"), count(abandoned));
  setText(byId("abandoned-foot"), `${count(answered)} answered`);
  setText(byId("talking"), count(talking));
  setText(byId("talking-foot"), `${count(board.conversations.size)} conversations under way`);
  setText(byId("free"), count(there.filter((agent) => lookOf(agent).word === "free").length));
  setText(byId("free-foot"), `of ${count(there.length)} there`);
}

function drawHealth(): void {
  const silent = performance.now() - changedAt;
  const stale = [...board.agents.values(), ...board.queues.values(), ...board.conversations.values()].filter((each) => each.stale);
  if (state === "open" && changedAt > 0 && silent > kSilence) showHealth("warn", `silent for ${age(silent / 1000)}`);
  else if (state === "open") showHealth("good", "Live");
  else if (state === "closed") showHealth("bad", "Not connected", changedAt > 0
      ? `The figures below are ${age(silent / 1000)} old. Connecting again…` : "Connecting…");
  setText(byId("about"), following === "" ? "" : `the feed of ${following}` +
      (stale.length > 0 ? ` · ${count(stale.length)} marked “?”: nothing was heard of them for long` : ""));
  document.body.classList.toggle("stale", state !== "open" && changedAt > 0);
}

function showHealth(tone: string, text: string, notice = ""): void {
  setClass(byId("health"), `pill ${tone}`);
  setText(byId("health"), text);
  setText(byId("notice"), notice);
  show(byId("notice"), notice !== "");
}

function draw(): void {
  const now = board.now();
  drawTiles(now);
  drawTables(now);
  drawHealth();
}

function take(name: string, data: string): void {
  if (!board.take(name, data)) return;
  changedAt = performance.now();
  if (drawing !== 0) return;
  drawing = window.setTimeout(() => {
    drawing = 0;
    draw();
  }, kDrawEvery);
}

function follow(name: string): void {
  if (name !== following) {
    stream?.stop();
    board.clear();
    changedAt = 0;
    following = name;
    const path = `/api/v1/consumers/${encodeURIComponent(name)}/live`;
    stream = new Stream(path, take, (now) => {
      state = now;
      drawHealth();
    });
  }
  stream?.start();
}

// Which consumers are live feeds; the one that the address names, else the first.
async function choose(): Promise<void> {
  try {
    const { consumers } = await call<{ consumers: Consumer[] }>("GET", "/api/v1/consumers");
    const live = consumers.filter((each) => each.sink === "live").map((each) => each.name);
    if (live.length === 0) {
      return showHealth("warn", "No feed", "No consumer of this hub is a live feed. Give one the sink “live: {}” in the configuration.");
    }
    const wanted = new URLSearchParams(location.search).get("consumer") ?? "";
    const chosen = live.includes(wanted) ? wanted : live.includes(following) ? following : live[0];
    feeds.replaceChildren(...live.map((each) => make("option", { value: each, selected: each === chosen }, each)));
    show(feeds, live.length > 1);
    show(byId("feed-label"), live.length > 1);
    follow(chosen);
  } catch (error) {
    const why = error instanceof ApiError ? error.message : `The hub at ${location.host} does not answer.`;
    showHealth("bad", "Not connected", `${why} Trying again…`);
    window.setTimeout(() => void choose(), 3000);
  }
}

askWhenWanted();
filter.addEventListener("input", draw);
feeds.addEventListener("change", () => {
  history.replaceState(null, "", `?consumer=${encodeURIComponent(feeds.value)}`);
  follow(feeds.value);
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) stream?.stop();
  else stream?.start();
});
setInterval(() => {
  if (!document.hidden && following !== "") draw();
}, kTick);
void choose();
