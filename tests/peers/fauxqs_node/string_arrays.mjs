// fauxqs compares an attribute of type String.Array with a filter policy as one text, "[\"q1\",\"q2\"]"; SNS lets a policy match any
// of its values, and the engine's policies are about nothing else. This mends that where the file is loaded.
const CALLED = "if (matchesSingleCondition(condition, attr)) {";
const MENDED = "if (valuesOf(attr).some((value) => matchesSingleCondition(condition, value))) {";
const VALUES = `
function valuesOf(attribute) {
  if (attribute?.DataType !== "String.Array") return [attribute];
  return JSON.parse(attribute.StringValue).map((value) => ({
    DataType: typeof value === "number" ? "Number" : "String",
    StringValue: String(value),
  }));
}
`;

export async function load(url, context, next) {
  const loaded = await next(url, context);
  if (!url.endsWith("/fauxqs/dist/sns/filter.js")) return loaded;
  const parts = String(loaded.source).split(CALLED);
  if (parts.length !== 2) throw new Error("filter.js is not the one that this was written for");
  return { ...loaded, source: parts.join(MENDED) + VALUES };
}
