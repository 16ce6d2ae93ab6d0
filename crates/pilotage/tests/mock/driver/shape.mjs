// What an answer has to look like: a small language for shapes, and nothing but shapes.
//
// "number", "string", "boolean", "object", "array", "any"; "string?" may also be null or absent; [shape] is a list with at
// least one entry; {name: shape} an object with at least these fields; a function is asked.

export function faults(shape, value, path = "answer") {
  if (typeof shape === "function") return shape(value) ? [] : [`${path}: ${JSON.stringify(value)} is not what was expected`];
  if (typeof shape === "string") return simple(shape, value, path);
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return [`${path}: no list`];
    if (value.length === 0) return [`${path}: the list is empty`];
    return value.flatMap((entry, index) => faults(shape[0], entry, `${path}[${index}]`));
  }
  if (kind(value) !== "object") return [`${path}: no object but ${JSON.stringify(value)}`];
  return Object.entries(shape).flatMap(([name, inner]) => faults(inner, value[name], `${path}.${name}`));
}

function simple(shape, value, path) {
  const optional = shape.endsWith("?");
  const wanted = optional ? shape.slice(0, -1) : shape;
  if (wanted === "any" || (optional && (value === null || value === undefined))) return [];
  return kind(value) === wanted ? [] : [`${path}: ${kind(value)} instead of ${shape}`];
}

function kind(value) {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
