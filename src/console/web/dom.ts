// The little of a framework that one page needs. Text is always set as text: nothing that comes from an event is ever
// read as markup.

type Attributes = Record<string, string | number | boolean | undefined>;

export function make<K extends keyof HTMLElementTagNameMap>(
    name: K, attributes: Attributes = {}, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

// Touches the document only where something changes: a screen reader is told of changes alone, and a selection stays.
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
export function setClass(element: Element, name: string): void {
  if (element.className !== name) element.className = name;
}
export function show(element: HTMLElement, visible: boolean): void {
  if (element.hidden === visible) element.hidden = !visible;
}

// Keeps one row per key, in the order of the keys, and calls `fill` with each.
export class Rows<Row extends { element: HTMLElement }> {
  private readonly rows = new Map<string, Row>();

  constructor(private readonly parent: HTMLElement, private readonly create: (key: string) => Row) {}

  update(keys: string[], fill: (row: Row, key: string, index: number) => void): void {
    const wanted = new Set(keys);
    for (const [key, row] of this.rows) {
      if (wanted.has(key)) continue;
      row.element.remove();
      this.rows.delete(key);
    }
    keys.forEach((key, index) => {
      let row = this.rows.get(key);
      if (!row) {
        row = this.create(key);
        this.rows.set(key, row);
      }
      const there = this.parent.children[index];
      if (there !== row.element) this.parent.insertBefore(row.element, there ?? null);
      fill(row, key, index);
    });
  }
}
