// A table that sorts by any column, keeps its rows while the reader looks, and shows no more than a browser can hold.

import { make, Rows, setClass, setText, show } from "./dom";
import { count } from "./format";

export interface Cell {
  text: string;
  order: number | string | null;  // what it sorts by; null stands last
  tone?: string;                  // of a pill
}
export interface Column<T> {
  title: string;
  numeric?: boolean;
  descends?: boolean;  // when it is first sorted by: what is longest or most comes first
  cell: (item: T, now: number) => Cell;
}
export interface Row {
  id: string;
  stale: boolean;
}

const kRowsMax = 500;

class TableRow {
  readonly element = make("tr");
  private readonly cells: HTMLTableCellElement[];
  constructor(columns: { numeric?: boolean }[]) {
    this.cells = columns.map((column, index) => index === 0 ? make("th", { scope: "row" })
                                                            : make("td", { class: column.numeric ? "number" : undefined }));
    this.element.append(...this.cells);
  }
  fill(row: Row, cells: Cell[]): void {
    this.element.title = row.stale ? `${row.id}: nothing was heard of it for long` : row.id;
    setClass(this.element, row.stale ? "is-stale" : "");
    cells.forEach((cell, index) => this.set(this.cells[index], cell));
  }
  private set(element: HTMLElement, cell: Cell): void {
    if (cell.tone === undefined) {
      setText(element, cell.text);
      element.classList.toggle("nought", cell.text === "0" || cell.text === "–");
      return;
    }
    if (!(element.firstElementChild instanceof HTMLElement)) element.replaceChildren(make("span"));
    const pill = element.firstElementChild as HTMLElement;
    setClass(pill, `pill ${cell.tone}`);
    setText(pill, cell.text);
  }
}

function compare(a: number | string | null, b: number | string | null, sign: number): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * String(a).localeCompare(String(b), undefined, { numeric: true });
}

export class SortedTable<T extends Row> {
  private readonly rows: Rows<TableRow>;
  private readonly heads: HTMLTableCellElement[];
  private readonly table: HTMLTableElement;
  private readonly more = make("p", { class: "quiet" });
  private readonly none: HTMLElement;
  private sign: number;

  constructor(parent: HTMLElement, private readonly columns: Column<T>[], private by: number, empty: string,
              private readonly onSort: () => void) {
    this.sign = columns[by].descends ? -1 : 1;
    this.heads = columns.map((column, index) => {
      const button = make("button", { type: "button", class: "sort" }, column.title);
      button.addEventListener("click", () => this.sortBy(index));
      return make("th", { scope: "col", class: column.numeric ? "number" : undefined }, button);
    });
    const body = make("tbody");
    this.table = make("table", { class: "sorted" }, make("thead", {}, make("tr", {}, ...this.heads)), body);
    this.none = make("p", { class: "empty" }, empty);
    this.rows = new Rows(body, () => new TableRow(columns));
    parent.append(this.table, this.more, this.none);
    this.mark();
  }

  update(items: T[], now: number): void {
    const lines = items.map((item) => ({ item, cells: this.columns.map((column) => column.cell(item, now)) }));
    lines.sort((a, b) => compare(a.cells[this.by].order, b.cells[this.by].order, this.sign) ||
                         compare(a.cells[0].order, b.cells[0].order, 1) || compare(a.item.id, b.item.id, 1));
    const shown = lines.slice(0, kRowsMax);
    this.rows.update(shown.map((line) => line.item.id), (row, _key, index) => row.fill(shown[index].item, shown[index].cells));
    setText(this.more, lines.length > shown.length ? `and ${count(lines.length - shown.length)} more; narrow them down above` : "");
    show(this.table, lines.length > 0);
    show(this.none, lines.length === 0);
  }

  private sortBy(index: number): void {
    this.sign = index === this.by ? -this.sign : this.columns[index].descends ? -1 : 1;
    this.by = index;
    this.mark();
    this.onSort();
  }

  private mark(): void {
    this.heads.forEach((head, index) => {
      if (index === this.by) head.setAttribute("aria-sort", this.sign > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
  }
}
