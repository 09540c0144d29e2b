// A small line of the last values, drawn into an <svg viewBox="0 0 120 32">.

const kWidth = 120;
const kHeight = 32;
const kFewest = 30;  // samples over the whole width: fewer would look like a cliff

export class Spark {
  private readonly values: number[] = [];
  private readonly line: SVGPathElement;
  private readonly area: SVGPathElement;

  constructor(svg: SVGElement, private readonly samples = 120) {
    const [line, area] = [svg.querySelector(".line"), svg.querySelector(".area")];
    if (!line || !area) throw new Error("a spark needs a line and an area");
    this.line = line as SVGPathElement;
    this.area = area as SVGPathElement;
  }

  static create(): SVGSVGElement {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", `0 0 ${kWidth} ${kHeight}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    svg.setAttribute("class", "spark");
    for (const name of ["area", "line"]) {
      const path = document.createElementNS(space, "path");
      path.setAttribute("class", name);
      svg.append(path);
    }
    return svg;
  }

  add(value: number): void {
    this.values.push(value);
    if (this.values.length > this.samples) this.values.shift();
    const top = Math.max(1, ...this.values) * 1.08;
    const step = kWidth / (Math.max(kFewest, this.values.length) - 1);
    const begin = kWidth - (this.values.length - 1) * step;
    const points = this.values.map(
        (each, index) => `${(begin + index * step).toFixed(1)} ${(kHeight - 1 - (each / top) * (kHeight - 2)).toFixed(1)}`);
    this.line.setAttribute("d", `M${points.join("L")}`);
    this.area.setAttribute("d", `M${begin.toFixed(1)} ${kHeight}L${points.join("L")}L${kWidth} ${kHeight}Z`);
  }
}
