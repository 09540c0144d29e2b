// Numbers, times and sizes as a person reads them.

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function count(value: number): string {
  return grouped.format(Math.round(value));
}

// A rate: one decimal below ten, so that a trickle is not shown as nothing.
export function rate(perSecond: number): string {
  if (perSecond <= 0) return "0";
  if (perSecond < 0.1) return "<0.1";
  return perSecond < 9.95 ? perSecond.toFixed(1) : count(perSecond);
}

export function age(seconds: number): string {
  if (seconds < 1) return "<1 s";
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${two((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${two((seconds % 86400) / 3600)} h`;
}

// As a stopwatch shows it: 0:07, 3:45, 1:02:03.
export function stopwatch(seconds: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  return `${Math.floor(seconds / 3600)}:${two((seconds % 3600) / 60)}:${two(seconds % 60)}`;
}

export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

// The time of day in the reader's own zone.
export function clock(time: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

export function short(id: string): string {
  return id.length > 8 ? id.slice(0, 8) : id;
}
