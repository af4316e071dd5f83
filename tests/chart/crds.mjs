// node crds.mjs DIRECTORY-OF-node_modules; stdin: a JSON list of prometheus-operator objects. Each is checked against the operator's own types, and a key that no schema asks for
// is an error: the validators accept unknown keys, as the API server does (it drops them in silence), so every object is wrapped and
// tells afterwards which of its keys nobody read.
import { readFileSync } from "node:fs";

const unread = (value, path, out) => {
  if (Array.isArray(value)) return value.map((v, i) => unread(v, `${path}[${i}]`, out));
  if (value === null || typeof value !== "object") return value;
  const keys = new Set(Object.keys(value));
  const inner = Object.fromEntries(Object.entries(value).map(([k, v]) => [k, unread(v, `${path}.${k}`, out)]));
  out.push({ path, keys });
  return new Proxy(inner, {
    get: (target, key) => (keys.delete(key), target[key]),
  });
};

const schemas =
  `${process.argv[2]}/node_modules/@kubernetes-models/prometheus-operator/_schemas/` +
  "ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoringV1";

let bad = 0;
const objects = JSON.parse(readFileSync(0, "utf8"));
for (const object of objects) {
  const name = `${object.kind} ${object.metadata?.name}`;
  const say = (text) => (bad++, console.error(`${name}: ${text}`));
  const { validate } = await import(`${schemas}${object.kind}.js`);
  const seen = [];
  if (!validate(unread(object, "", seen))) for (const e of validate.errors) say(`${e.instancePath}: ${e.keyword} ${JSON.stringify(e.params)}`);
  for (const { path, keys } of seen) for (const key of keys) say(`unknown key ${path}.${key}`);
}
if (objects.length === 0) bad++, console.error("no object to check");
process.exit(bad ? 1 : 0);
