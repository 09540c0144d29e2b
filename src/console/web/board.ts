// Agents, queues and conversations as a live consumer's feed shows them: a snapshot, then what changes.

import { Stream, StreamState } from "./api";
import { byId, make, Rows, setClass, setText, show } from "./dom";
import { age, count, short, stopwatch } from "./format";
import { Consumer } from "./model";

interface Item {
  id: string;
}
interface Agent extends Item {
  name: string | null;
  presence: string | null;
  presenceSince: string | null;
  routingStatus: string | null;
  routingStatusSince: string | null;
  conversation: string | null;
  conversationState: string | null;
  conversationSince: string | null;
}
interface Queue extends Item {
  name: string | null;
  waiting: number;
  interacting: number;
  oldestWaitingSince: string | null;
}
interface Conversation extends Item {
  media: string | null;
  state: string;
  since: string | null;
}
interface Change {
  agents?: Agent[];
  queues?: Queue[];
  conversations?: Conversation[];
  gone?: { agents?: string[]; queues?: string[]; conversations?: string[] };
}

const kAgentsShown = 45;
const kQueuesShown = 12;
const kDrawEvery = 400;  // ms: the eye sees no more

interface Look {
  word: string;
  tone: "good" | "busy" | "warn" | "off";
}
const kConversationLooks: Record<string, Look> = {
  alerting: { word: "ringing", tone: "warn" },
  connected: { word: "talking", tone: "busy" },
  hold: { word: "on hold", tone: "warn" },
  wrapup: { word: "wrapping up", tone: "warn" },
};
const kRoutingLooks: Record<string, Look> = {
  IDLE: { word: "free", tone: "good" },
  INTERACTING: { word: "talking", tone: "busy" },
  COMMUNICATING: { word: "talking", tone: "busy" },
  NOT_RESPONDING: { word: "not answering", tone: "warn" },
};
const kStateWords: Record<string, string> = {
  ivr: "in a flow", waiting: "waiting", alerting: "ringing", connected: "talking", hold: "on hold", wrapup: "wrapping up",
};

function lookOf(agent: Agent): Look {
  if (agent.conversationState) {
    const look = kConversationLooks[agent.conversationState];
    if (look) return look;
  }
  if (agent.routingStatus && kRoutingLooks[agent.routingStatus]) return kRoutingLooks[agent.routingStatus];
  const presence = (agent.presence ?? "").replace(/_/g, " ").toLowerCase();
  return { word: presence === "" ? "unknown" : presence, tone: "off" };
}

function isThere(agent: Agent): boolean {
  return (agent.presence ?? "").toUpperCase() !== "OFFLINE" && (agent.presence !== null || agent.routingStatus !== null);
}

function sinceOf(agent: Agent): string | null {
  return agent.conversationState ? agent.conversationSince : agent.routingStatusSince ?? agent.presenceSince;
}

function nameOf(item: { id: string; name: string | null }): string {
  return item.name ?? short(item.id);
}

class AgentTile {
  readonly element = make("div", { class: "agent" });
  private readonly name = make("b");
  private readonly state = make("span");
  constructor() {
    this.element.append(this.name, this.state);
  }
  fill(agent: Agent, now: number): void {
    const look = lookOf(agent);
    const since = Date.parse(sinceOf(agent) ?? "");
    setClass(this.element, `agent ${look.tone}`);
    setText(this.name, nameOf(agent));
    setText(this.state, Number.isNaN(since) ? look.word : `${look.word} ${stopwatch(Math.max(0, (now - since) / 1000))}`);
    this.element.title = agent.id;
  }
}

class QueueRow {
  readonly element = make("tr");
  private readonly name = make("th", { scope: "row" });
  private readonly cells = ["waiting", "oldest", "interacting"].map(() => make("td", { class: "number" }));
  constructor() {
    this.element.append(this.name, ...this.cells);
  }
  fill(queue: Queue, now: number): void {
    setText(this.name, nameOf(queue));
    this.element.title = queue.id;
    const since = Date.parse(queue.oldestWaitingSince ?? "");
    const texts = [count(queue.waiting), Number.isNaN(since) ? "–" : age(Math.max(0, (now - since) / 1000)), count(queue.interacting)];
    texts.forEach((text, index) => {
      setText(this.cells[index], text);
      this.cells[index].classList.toggle("nought", text === "0" || text === "–");
    });
  }
}

class Counts {
  readonly element = make("div", { class: "counts" });
  fill(counts: [string, number][]): void {
    const text = counts.map(([word, value]) => `${word} ${count(value)}`).join("|");
    if (this.element.dataset.text === text) return;
    this.element.dataset.text = text;
    this.element.replaceChildren(...counts.map(([word, value]) => make("span", {}, make("b", {}, count(value)), ` ${word}`)));
  }
}

export class Board {
  private readonly agents = new Map<string, Agent>();
  private readonly queues = new Map<string, Queue>();
  private readonly conversations = new Map<string, Conversation>();
  private stream: Stream | undefined;
  private name = "";
  private state: StreamState = "closed";
  private drawing = 0;
  private newest = 0;  // of all times that the feed has told
  private readonly conversationCounts = new Counts();
  private readonly agentCounts = new Counts();
  private readonly queueTable: HTMLTableElement;
  private readonly more = make("p", { class: "quiet" });
  private readonly tiles: Rows<AgentTile>;
  private readonly rows: Rows<QueueRow>;

  constructor() {
    const body = make("tbody");
    const head = make("tr", {}, make("th", { scope: "col" }, "Queue"));
    for (const word of ["Waiting", "Longest", "Talking"]) head.append(make("th", { scope: "col", class: "number" }, word));
    this.queueTable = make("table", { class: "board-queues" }, make("thead", {}, head), body);
    const grid = make("div", { class: "agents" });
    this.tiles = new Rows(grid, () => new AgentTile());
    this.rows = new Rows(body, () => new QueueRow());
    byId("board-body").append(make("h3", {}, "Conversations"), this.conversationCounts.element, this.queueTable,
                              make("h3", {}, "Agents"), this.agentCounts.element, grid, this.more);
  }

  // Shows the first consumer that is a live feed; nothing where there is none.
  follow(consumers: Consumer[]): void {
    const live = consumers.find((each) => each.sink === "live");
    if (!live || live.name !== this.name) {
      this.stream?.stop();
      this.stream = undefined;
      this.name = live?.name ?? "";
      show(byId("board"), false);
    }
    if (!live) return;
    if (!this.stream) {
      const path = `/api/v1/consumers/${encodeURIComponent(live.name)}/live`;
      this.stream = new Stream(path, (name, data) => this.take(name, data), (state) => {
        this.state = state;
        this.draw();
      });
    }
    if (this.state !== "absent") this.stream.start();
  }

  pause(): void {
    this.stream?.stop();
  }

  private take(name: string, data: string): void {
    if (name !== "snapshot" && name !== "delta") return;
    const change: Change = JSON.parse(data);
    if (name === "snapshot") {
      for (const part of [this.agents, this.queues, this.conversations]) part.clear();
    }
    for (const id of change.gone?.agents ?? []) this.agents.delete(id);
    for (const id of change.gone?.queues ?? []) this.queues.delete(id);
    for (const id of change.gone?.conversations ?? []) this.conversations.delete(id);
    for (const agent of change.agents ?? []) this.hear(this.agents, agent, sinceOf(agent));
    for (const queue of change.queues ?? []) this.hear(this.queues, queue, queue.oldestWaitingSince);
    for (const each of change.conversations ?? []) this.hear(this.conversations, each, each.since);
    if (this.drawing === 0) {
      this.drawing = window.setTimeout(() => {
        this.drawing = 0;
        this.draw();
      }, kDrawEvery);
    }
  }

  private hear<T extends Item>(part: Map<string, T>, item: T, since: string | null): void {
    part.set(item.id, item);
    const time = Date.parse(since ?? "");
    if (time > this.newest) this.newest = time;
  }

  // Events of a simulation have a time of their own; those of a contact centre are of now.
  private now(): number {
    const wall = Date.now();
    return Math.abs(wall - this.newest) < 10 * 60_000 ? wall : this.newest;
  }

  private draw(): void {
    show(byId("board"), this.state !== "absent");
    const words: Record<StreamState, string> = { open: `the feed of ${this.name}`, closed: "connecting…", absent: "" };
    setText(byId("board-state"), words[this.state]);
    const now = this.now();
    const states = new Map<string, number>();
    for (const each of this.conversations.values()) states.set(each.state, (states.get(each.state) ?? 0) + 1);
    this.conversationCounts.fill([["under way", this.conversations.size],
                                  ...Object.keys(kStateWords).filter((key) => states.has(key))
                                      .map((key): [string, number] => [kStateWords[key], states.get(key) ?? 0])]);
    const queues = [...this.queues.values()].sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
    this.rows.update(queues.slice(0, kQueuesShown).map((each) => each.id), (row, _key, index) => row.fill(queues[index], now));
    show(this.queueTable, queues.length > 0);
    this.drawAgents(now);
  }

  private drawAgents(now: number): void {
    const there = [...this.agents.values()].filter(isThere).sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
    const looks = new Map<string, number>();
    for (const agent of there) looks.set(lookOf(agent).word, (looks.get(lookOf(agent).word) ?? 0) + 1);
    this.agentCounts.fill([["there", there.length], ...[...looks].sort((a, b) => b[1] - a[1]).slice(0, 6)]);
    const shown = there.slice(0, kAgentsShown);
    this.tiles.update(shown.map((each) => each.id), (tile, _key, index) => tile.fill(shown[index], now));
    setText(this.more, there.length > shown.length ? `and ${count(there.length - shown.length)} more` : "");
  }
}
