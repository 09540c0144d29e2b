// Agents, queues and conversations as a live consumer's feed shows them: a snapshot, then what changes.

import { Stream, StreamState } from "./api";
import { byId, make, Rows, setClass, setText, show } from "./dom";
import { age, count, stopwatch } from "./format";
import { Agent, isThere, kStateWords, LiveBoard, lookOf, nameOf, Queue, sinceOf } from "./live";
import { Consumer } from "./model";

const kAgentsShown = 45;
const kQueuesShown = 12;
const kDrawEvery = 400;  // ms: the eye sees no more

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
  private readonly live = new LiveBoard();
  private stream: Stream | undefined;
  private name = "";
  private state: StreamState = "closed";
  private drawing = 0;
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
    byId<HTMLAnchorElement>("board-link").href = `/board?consumer=${encodeURIComponent(live.name)}`;
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
    if (!this.live.take(name, data)) return;
    if (this.drawing === 0) {
      this.drawing = window.setTimeout(() => {
        this.drawing = 0;
        this.draw();
      }, kDrawEvery);
    }
  }

  private draw(): void {
    show(byId("board"), this.state !== "absent");
    const words: Record<StreamState, string> = { open: `the feed of ${this.name}`, closed: "connecting…", absent: "" };
    setText(byId("board-state"), words[this.state]);
    const now = this.live.now();
    const states = new Map<string, number>();
    for (const each of this.live.conversations.values()) states.set(each.state, (states.get(each.state) ?? 0) + 1);
    this.conversationCounts.fill([["under way", this.live.conversations.size],
                                  ...Object.keys(kStateWords).filter((key) => states.has(key))
                                      .map((key): [string, number] => [kStateWords[key], states.get(key) ?? 0])]);
    const queues = [...this.live.queues.values()].sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
    this.rows.update(queues.slice(0, kQueuesShown).map((each) => each.id), (row, _key, index) => row.fill(queues[index], now));
    show(this.queueTable, queues.length > 0);
    this.drawAgents(now);
  }

  private drawAgents(now: number): void {
    const there = [...this.live.agents.values()].filter(isThere).sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
    const looks = new Map<string, number>();
    for (const agent of there) looks.set(lookOf(agent).word, (looks.get(lookOf(agent).word) ?? 0) + 1);
    this.agentCounts.fill([["there", there.length], ...[...looks].sort((a, b) => b[1] - a[1]).slice(0, 6)]);
    const shown = there.slice(0, kAgentsShown);
    this.tiles.update(shown.map((each) => each.id), (tile, _key, index) => tile.fill(shown[index], now));
    setText(this.more, there.length > shown.length ? `and ${count(there.length - shown.length)} more` : "");
  }
}
