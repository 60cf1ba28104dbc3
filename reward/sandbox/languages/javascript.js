// Loads solution.js, calls its entry point for each line of arguments.json, writes what it returns to descriptor 3.
// How values are written: reward/sandbox/inside/values.py. What no data stand for is opaque: its class's name.
"use strict";

const { readFileSync, writeSync } = require("fs");
const { parse, stringify } = JSON;
const DEEPEST = 100;

function argument(value) {
  if (Array.isArray(value)) return value.map(argument);
  if (value === null || typeof value !== "object") return value;
  const [[tag, content]] = Object.entries(value);
  if (tag === "int") return content.startsWith("-") ? -BigInt(content.slice(1)) : BigInt(content);
  if (tag === "float") return { nan: NaN, inf: Infinity, "-inf": -Infinity }[content];
  if (tag === "tuple") return content.map(argument);
  if (tag === "set") return new Set(content.map(argument));
  const pairs = content.map(argument); // a dict
  return pairs.every(([key]) => typeof key === "string") ? Object.fromEntries(pairs) : new Map(pairs);
}

function packed(value, asKey = false, depth = 0) {
  if (depth > DEEPEST) throw new RangeError(`the value is nested deeper than ${DEEPEST}`);
  const item = (one) => packed(one, asKey, depth + 1);
  const key = (one) => packed(one, true, depth + 1);
  switch (typeof value) {
    case "undefined": return null;
    case "boolean": case "string": return value;
    case "bigint": return { int: value < 0n ? "-0x" + (-value).toString(16) : "0x" + value.toString(16) };
    case "number":
      if (Number.isFinite(value)) return value;
      return { float: Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf" };
    case "object": break;
    default: return { opaque: { class: typeof value } };
  }
  if (value === null) return null;
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
    const items = Array.from(value, item);
    return asKey ? { tuple: items } : items;
  }
  if (value instanceof Map) return { dict: Array.from(value, ([k, v]) => [key(k), item(v)]) };
  if (value instanceof Set) return { [asKey ? "frozenset" : "set"]: Array.from(value, key) };
  if (value instanceof Date && !Number.isNaN(value.getTime())) return { datetime: value.toISOString() };
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return { dict: Object.entries(value).map(([k, v]) => [k, item(v)]) };
  return { opaque: { class: String(prototype.constructor?.name) } };
}

function said(error) {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${String(error)}`;
  const line = /solution\.js:(\d+)/.exec(error?.stack ?? "");
  return (line ? `line ${line[1]}: ` : "") + text;
}

function say(line) {
  const bytes = Buffer.from(stringify(line) + "\n");
  for (let at = 0; at < bytes.length; ) at += writeSync(3, bytes, at);
}

async function main() {
  const lines = readFileSync("arguments.json", "utf8").trimEnd().split("\n");
  let f;
  try {
    f = require("./solution.js").entry_point;
  } catch (error) {
    return say(["failed", said(error)]);
  }
  if (typeof f !== "function") return say(["failed", `${process.argv[2]} is not a function of the solution`]);
  for (const [number, line] of lines.entries()) {
    try {
      say([number, "value", packed(await f(...parse(line).map(argument)))]);
    } catch (error) {
      const denied = ["EPERM", "EACCES", "EROFS"].includes(error?.code);
      say([number, denied ? "blocked" : "raised", said(error)]);
    }
  }
}

main().then(() => process.exit(0));
