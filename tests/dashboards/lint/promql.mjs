// As much of PromQL as the rules need: which series an expression selects, and how.

/** @returns [{ name, labels: [[label, operator, value]], range }]; range is the text in the brackets, if any. */
export function selectors(expr) {
  const found = [];
  for (const [, name, inside, range] of expr.matchAll(/([a-zA-Z_:][\w:]*)\{([^{}]*)\}(?:\[([^\]]*)\])?/g)) {
    const labels = [...inside.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map((m) => m.slice(1));
    found.push({ name, labels, range });
  }
  return found;
}

const words = new Set(["and", "or", "unless", "bool", "offset", "end", "start"]);

/** Names of series that stand without braces, and so without the dashboard's variables. */
export function bareNames(expr) {
  const rest = expr
    .replace(/"[^"]*"/g, "")
    .replace(/[a-zA-Z_:][\w:]*\{[^{}]*\}/g, "")
    .replace(/\[[^\]]*\]|\boffset \$\w+/g, "")
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, "")
    .replace(/\b\w+\s*\(/g, "(");
  return [...rest.matchAll(/\b[a-zA-Z_:][\w:]*/g)].map(([name]) => name).filter((name) => !words.has(name));
}

/** Labels that an expression groups, joins or sets by name. */
export function namedLabels(expr) {
  const lists = [...expr.matchAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g)].flatMap(([, list]) => list.split(","));
  return lists.map((label) => label.trim()).filter(Boolean);
}

/** Labels that an expression makes itself. */
export const madeLabels = (expr) =>
  [...expr.matchAll(/\bcount_values(?: by \([^)]*\) )?\("(\w+)"/g), ...expr.matchAll(/,\s*"(\w+)", "[^"]*", "\w*", "[^"]*"\)/g)].map(([, label]) => label);

/** The expression as Prometheus gets it, for its own parser. */
export const interpolated = (expr) =>
  expr
    .replaceAll("$__rate_interval", "2m")
    .replaceAll("$__interval", "30s")
    .replaceAll("$__range", "3h")
    .replace(/\$\{?\w+\}?/g, "value");
