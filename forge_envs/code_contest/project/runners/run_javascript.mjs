// Runs Jest-style test files offline: describe, test, it, each, hooks, and the matchers that Exercism's tests use.
// Standard input: the report's file name, then one test file on each line. The report has a JSON line for each test.
import { isDeepStrictEqual } from "node:util";
import { appendFileSync, readFileSync } from "node:fs";
import { register } from "node:module";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";

const [report, ...paths] = readFileSync(0, "utf8").split("\n");
const write = (line) => appendFileSync(report, JSON.stringify(line) + "\n");

// Import paths without an ending, every .js file as a module, and @jest/globals as the globals below.
const hooks = `
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
const globals = "export const { describe, test, it, expect, xtest, xit, beforeEach, afterEach, beforeAll, afterAll, jest } = globalThis;";
export async function resolve(name, context, next) {
  if (name === "@jest/globals") return { url: "data:text/javascript," + encodeURIComponent(globals), shortCircuit: true };
  if (name.startsWith(".") && context.parentURL?.startsWith("file:")) {
    const url = new URL(name, context.parentURL);
    if (!existsSync(fileURLToPath(url)) && existsSync(fileURLToPath(url) + ".js")) url.pathname += ".js";
    return { url: url.href, format: "module", shortCircuit: true };
  }
  return next(name, context);
}
export async function load(url, context, next) {
  return next(url, url.endsWith(".js") ? { ...context, format: "module" } : context);
}`;
register("data:text/javascript," + encodeURIComponent(hooks));

const partly = (got, want) => {
  if (want !== null && typeof want === "object" && got !== null && typeof got === "object")
    return Object.keys(want).every((key) => partly(got[key], want[key]));
  return isDeepStrictEqual(got, want);
};
const plain = (value) => (value && typeof value === "object" ? JSON.parse(JSON.stringify(value)) : value);
const thrown = (run, want) => {
  try {
    run();
  } catch (error) {
    if (want === undefined) return true;
    const message = String(error?.message ?? error);
    if (typeof want === "string") return message.includes(want);
    if (want instanceof RegExp) return want.test(message);
    if (typeof want === "function") return error instanceof want;
    return message === want.message;
  }
  return false;
};
const matchers = {
  toBe: (got, want) => Object.is(got, want),
  toEqual: (got, want) => isDeepStrictEqual(got, want) || isDeepStrictEqual(plain(got), plain(want)),
  toStrictEqual: (got, want) => isDeepStrictEqual(got, want),
  toMatchObject: partly,
  toBeTruthy: (got) => Boolean(got),
  toBeFalsy: (got) => !got,
  toBeNull: (got) => got === null,
  toBeUndefined: (got) => got === undefined,
  toBeDefined: (got) => got !== undefined,
  toBeNaN: (got) => Number.isNaN(got),
  toBeInstanceOf: (got, want) => got instanceof want,
  toBeGreaterThan: (got, want) => got > want,
  toBeGreaterThanOrEqual: (got, want) => got >= want,
  toBeLessThan: (got, want) => got < want,
  toBeLessThanOrEqual: (got, want) => got <= want,
  toBeCloseTo: (got, want, digits = 2) => Math.abs(got - want) < 10 ** -digits / 2,
  toContain: (got, want) => (typeof got === "string" ? got.includes(want) : [...got].includes(want)),
  toContainEqual: (got, want) => [...got].some((one) => isDeepStrictEqual(one, want)),
  toHaveLength: (got, want) => got.length === want,
  toHaveProperty: (got, want) => String(want).split(".").reduce((at, key) => at?.[key], got) !== undefined,
  toMatch: (got, want) => (want instanceof RegExp ? want.test(got) : typeof got === "string" && got.includes(want)),
  toThrow: thrown,
  toThrowError: thrown,
};
const expectation = (got, wanted) =>
  Object.fromEntries(
    Object.entries(matchers).map(([name, matches]) => [
      name,
      (...args) => {
        if (Boolean(matches(got, ...args)) !== wanted)
          throw new Error(`expected ${inspect(got)} ${wanted ? "" : "not "}${name} ${args.map((a) => inspect(a)).join(", ")}`);
      },
    ]),
  );
globalThis.expect = (got) => ({ ...expectation(got, true), not: expectation(got, false) });

const tests = [];
let groups = [];
let scope = { before: [], after: [], parent: null };
globalThis.describe = (name, body) => {
  const [outer, above] = [groups, scope];
  groups = [...groups, name];
  scope = { before: [], after: [], parent: scope };
  body();
  [groups, scope] = [outer, above];
};
globalThis.test = (name, body) => tests.push({ name: [...groups, name].join(" > "), body, scope });
const each = (define) => (rows) => (name, body) =>
  rows.forEach((row, i) => define(`${name} #${i}`, () => body(...(Array.isArray(row) ? row : [row]))));
for (const define of [globalThis.test, globalThis.describe])
  Object.assign(define, { each: each(define), only: define, skip: define });
// Exercism leaves all tests but the first one skipped for people; here every one counts, as in the benchmark.
Object.assign(globalThis, { it: test, xtest: test, xit: test, xdescribe: describe });
globalThis.beforeEach = globalThis.beforeAll = (body) => scope.before.push(body);
globalThis.afterEach = globalThis.afterAll = (body) => scope.after.push(body);
globalThis.jest = { fn: (body = () => undefined) => Object.assign((...args) => body(...args), {}) };

for (const path of paths.filter(Boolean)) {
  try {
    await import(pathToFileURL(path).href);
  } catch (error) {
    console.error(error);
    write({ load: path, error: String(error?.name) });
  }
}
for (const { name, body, scope: held } of tests) {
  const scopes = [];
  for (let at = held; at; at = at.parent) scopes.unshift(at);
  let ok = true;
  try {
    for (const one of scopes) for (const before of one.before) await before();
    await body();
    for (const one of scopes) for (const after of one.after) await after();
  } catch (error) {
    ok = false;
    console.error(`FAIL: ${name}\n${error?.message ?? error}\n`);
  }
  write({ test: name, ok });
}
write({ end: true });
