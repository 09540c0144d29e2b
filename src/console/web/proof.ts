// What only the demonstration has: the ledgers of sender and receivers, and the lesson that a break teaches.

import { byId, make, Rows, setClass, setText, show } from "./dom";
import { count } from "./format";
import { Consumer, Demo, Receiver, unsettled } from "./model";

class ProofRow {
  readonly element = make("tr");
  private readonly cells: HTMLElement[] = [];
  constructor(name: string) {
    this.element.append(make("th", { scope: "row" }, name));
    for (const [key, label] of [["routed", "Meant for it"], ["arrived", "Arrived"], ["way", "On the way"],
                                ["order", "Out of order"], ["twice", "Twice"], ["lost", "Lost"]]) {
      const value = make("span", { class: `proof-${key}` });
      this.cells.push(value);
      this.element.append(make("td", { class: "number", "data-label": label }, value));
    }
  }
  fill(receiver: Receiver): void {
    const way = Math.max(0, receiver.routed - receiver.delivered);
    const texts = [receiver.routed, receiver.delivered, way, receiver.out_of_order, receiver.repeated, receiver.lost];
    texts.forEach((value, index) => {
      setText(this.cells[index], count(value));
      if (index >= 3) setClass(this.cells[index], `${this.cells[index].className.split(" ")[0]} ${value > 0 ? "alarm" : "fine"}`);
    });
    this.element.title = receiver.witness;
  }
}

type Stage = 0 | 1 | 2 | 3 | 4;
const kSteps = [
  "Press Break at siem or crm",
  "Its breaker opens; the reason stands in its row",
  "Its events wait; the others go on",
  "Press Mend: it catches up, in order",
  "Nothing waits, nothing is lost",
];

// Follows the reader through the lesson by what the figures say, not by what was pressed.
class Lesson {
  private stage: Stage = 0;
  private broken = "";
  private readonly items: HTMLLIElement[];

  constructor() {
    this.items = kSteps.map((text) => make("li", {}, text));
    byId("lesson-steps").append(...this.items);
    show(byId("lesson"), true);
  }

  update(consumers: Consumer[], receivers: Receiver[]): void {
    const now = receivers.find((each) => each.mode !== "" && each.mode !== "ok");
    if (now) {
      if (now.name !== this.broken) this.stage = 0;
      this.broken = now.name;
      this.stage = Math.max(this.stage, 1) as Stage;
      const row = consumers.find((each) => each.name === now.name);
      if (row && row.breaker !== "closed") this.stage = Math.max(this.stage, 2) as Stage;
      if (this.stage >= 2 && row && row.waiting > 0) this.stage = 3;
      if (this.stage === 4) this.stage = 3;
    } else if (this.broken && this.stage >= 1) {
      const row = consumers.find((each) => each.name === this.broken);
      this.stage = Math.max(this.stage, 3) as Stage;
      const caught = row && row.breaker === "closed" && unsettled(row) < 1000 && row.oldest_waiting_seconds < 3;
      if (caught) this.stage = 4;
    }
    this.items.forEach((item, index) => {
      const done = index < this.stage || (this.stage === 4 && index === 4);
      setClass(item, done ? "done" : index === this.stage ? "next" : "");
      if (index === this.stage && !done) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
  }
}

export class Proof {
  private readonly rows = new Rows(byId("proof-rows"), (name) => {
    const row = new ProofRow(name);
    row.element.id = `proof-${name}`;
    return row;
  });
  private readonly lesson = new Lesson();

  constructor() {
    show(byId("proof"), true);
  }

  update(demo: Demo, consumers: Consumer[]): void {
    const byName = new Map(demo.receivers.map((each) => [each.name, each]));
    this.rows.update(demo.receivers.map((each) => each.name), (row, name) => {
      const receiver = byName.get(name);
      if (receiver) row.fill(receiver);
    });
    const bad = demo.receivers.filter((each) => each.lost + each.out_of_order + each.repeated > 0);
    const verdict = byId("proof-verdict");
    setClass(verdict, bad.length > 0 ? "pill bad" : "pill good");
    setText(verdict, bad.length > 0 ? `not as promised: ${bad.map((each) => each.name).join(", ")}`
                                    : `${count(demo.accepted)} accepted, 0 lost`);
    this.lesson.update(consumers, demo.receivers);
  }
}
