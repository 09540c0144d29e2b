// The table of consumers: a row each, whose cells are changed in place, so that focus and selection stay.

import { call } from "./api";
import { byId, make, Rows, setClass, setText, show } from "./dom";
import { age, count, rate } from "./format";
import { arrivedFor, Consumer, describe, lateness, outlook, Rate, Receiver, stateOf } from "./model";
import { Spark } from "./spark";

const kModeWords: Record<string, string> = {
  "503": "with 503",
  hang: "by hanging",
  refuse: "by refusing",
  slow: "by slowness",
};

class Row {
  readonly element = make("tr");
  consumer: Consumer | undefined;
  private readonly incoming = new Rate();
  private readonly outgoing = new Rate();
  private readonly title = make("span", { class: "name" });
  private readonly target = make("span", { class: "target" });
  private readonly pill = make("span", { class: "pill" });
  private readonly why = make("span", { class: "why" });
  private readonly cells: Record<string, HTMLElement> = {};
  private readonly trend: Spark;
  private readonly pause = make("button", { type: "button" }, "Pause");
  private readonly breaking = make("button", { type: "button", class: "break" }, "Break");
  private readonly mode = make("select", {});
  private readonly note = make("span", { class: "wrong", role: "alert" });
  private oldest = 0;
  private seenAt = 0;
  private working = false;

  constructor(private readonly name: string, onChange: () => void) {
    this.element.append(make("th", { scope: "row" }, this.title, this.target),
                        make("td", { class: "state" }, this.pill, this.why));
    for (const [key, label] of [["in", "In/s"], ["out", "Out/s"], ["waiting", "Waiting"], ["oldest", "Oldest"],
                                ["flight", "In flight"], ["blocked", "Blocked lanes"], ["dead", "Dead letters"],
                                ["delivered", "Delivered"]]) {
      const value = make("span", { class: `figure-${key}` });
      this.cells[key] = value;
      this.element.append(make("td", { class: "number", "data-label": label }, value));
    }
    const svg = Spark.create();
    this.trend = new Spark(svg, 60);
    this.cells.waiting.after(svg);
    setText(this.title, name);
    this.pause.addEventListener("click", () => void this.act(onChange, () =>
      call("POST", `/api/v1/consumers/${encodeURIComponent(name)}/${this.consumer?.paused ? "resume" : "pause"}`)));
    const setMode = (mode: string) => this.act(onChange, () =>
      call("POST", `/demo/downstreams/${encodeURIComponent(name)}`, { mode }));
    this.breaking.addEventListener("click", () => void setMode(this.element.dataset.broken ? "ok" : this.mode.value));
    this.mode.addEventListener("change", () => {
      if (this.element.dataset.broken) void setMode(this.mode.value);
    });
    this.mode.setAttribute("aria-label", `How ${name} breaks`);
    show(this.breaking, false);
    show(this.mode, false);
    this.element.append(make("td", { class: "actions" }, this.pause, this.breaking, this.mode, this.note));
  }

  private async act(onChange: () => void, action: () => Promise<unknown>): Promise<void> {
    if (this.working) return;
    this.working = true;
    try {
      await action();
      setText(this.note, "");
    } catch (error) {
      setText(this.note, error instanceof Error ? error.message : String(error));
    }
    this.working = false;
    onChange();
  }

  update(consumer: Consumer, now: number): { incoming: number; outgoing: number } {
    this.consumer = consumer;
    this.oldest = consumer.oldest_waiting === null ? -1 : consumer.oldest_waiting_seconds;
    this.seenAt = now;
    const incoming = this.incoming.add(arrivedFor(consumer), now);
    const outgoing = this.outgoing.add(consumer.delivered, now);
    setText(this.target, describe(consumer));
    this.title.title = consumer.target;
    const state = stateOf(consumer, incoming, outgoing);
    setClass(this.pill, `pill ${state.tone}`);
    setText(this.pill, state.word);
    setText(this.why, state.why);
    this.why.title = consumer.last_error ? `${consumer.last_error.class}: ${consumer.last_error.detail}` : "";
    const set = (key: string, text: string, alarm = false) => {
      setText(this.cells[key], text);
      this.cells[key].classList.toggle("alarm", alarm);
      this.cells[key].classList.toggle("nought", text === "0" || text === "–");
    };
    set("in", rate(incoming));
    set("out", rate(outgoing));
    set("waiting", count(consumer.waiting));
    set("flight", count(consumer.in_flight));
    set("blocked", count(consumer.backing_off + consumer.parked), consumer.parked > 0);
    set("dead", count(consumer.dead_letters), consumer.dead_letters > 0);
    set("delivered", count(consumer.delivered));
    this.cells.waiting.title = this.cells.oldest.title = outlook(consumer, age);
    this.cells.delivered.title = lateness(consumer);
    this.trend.add(consumer.waiting);
    setText(this.pause, consumer.paused ? "Resume" : "Pause");
    this.pause.setAttribute("aria-label", `${consumer.paused ? "Resume" : "Pause"} ${this.name}`);
    this.element.dataset.tone = state.tone;
    this.tick(now);
    return { incoming, outgoing };
  }

  // Between two answers the age goes on.
  tick(now: number): void {
    const text = this.oldest < 0 ? "–" : age(this.oldest + (now - this.seenAt) / 1000);
    setText(this.cells.oldest, text);
    this.cells.oldest.classList.toggle("nought", this.oldest < 0);
  }

  setReceiver(receiver: Receiver | undefined, modes: string[]): void {
    const breakable = receiver !== undefined && receiver.mode !== "";
    show(this.breaking, breakable);
    show(this.mode, breakable);
    if (!breakable) return;
    if (this.mode.options.length === 0) {
      for (const mode of modes.filter((each) => each !== "ok")) {
        this.mode.append(make("option", { value: mode }, kModeWords[mode] ?? mode));
      }
    }
    const broken = receiver.mode !== "ok";
    if (broken) this.element.dataset.broken = receiver.mode;
    else delete this.element.dataset.broken;
    if (broken && document.activeElement !== this.mode) this.mode.value = receiver.mode;
    setText(this.breaking, broken ? "Mend" : "Break");
    this.breaking.setAttribute("aria-label", `${broken ? "Mend" : "Break"} ${this.name}`);
  }
}

export class ConsumerTable {
  private readonly rows: Rows<Row>;
  private shown: Row[] = [];

  constructor(onChange: () => void) {
    this.rows = new Rows(byId("consumer-rows"), (name) => {
      const row = new Row(name, onChange);
      row.element.id = `consumer-${name}`;
      return row;
    });
  }

  // Returns the deliveries a second of all of them.
  update(consumers: Consumer[], now: number): number {
    const byName = new Map(consumers.map((each) => [each.name, each]));
    let outgoing = 0;
    this.shown = [];
    this.rows.update(consumers.map((each) => each.name), (row, name) => {
      this.shown.push(row);
      const consumer = byName.get(name);
      if (consumer) outgoing += row.update(consumer, now).outgoing;
    });
    show(byId("consumers-empty"), consumers.length === 0);
    show(byId("consumers").querySelector("table")!, consumers.length > 0);
    return outgoing;
  }

  tick(now: number): void {
    for (const row of this.shown) row.tick(now);
  }

  setReceivers(receivers: Receiver[], modes: string[]): void {
    const byName = new Map(receivers.map((each) => [each.name, each]));
    for (const row of this.shown) row.setReceiver(byName.get(row.consumer?.name ?? ""), modes);
  }
}
