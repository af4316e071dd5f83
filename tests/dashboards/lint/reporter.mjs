// One line for each test that fails, and the counts in the words that the summary of `make test` reads.
export default async function* reporter(events) {
  let passed = 0;
  let failed = 0;
  for await (const { type, data } of events) {
    if (type === "test:pass" && data.details.type !== "suite") passed += 1;
    if (type !== "test:fail" || data.details.type === "suite" || data.name.endsWith(".mjs")) continue;
    failed += 1;
    yield `FAILED: ${data.name}\n${data.details.error.cause?.message ?? data.details.error.message}\n`;
  }
  yield `${passed} passed, ${failed} failed\n`;
}
