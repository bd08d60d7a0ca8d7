// Asks Microsoft's own Kusto.Language what it says about queries.
//
//   npm ci && node oracle.mjs [--schema SCHEMA.json] < queries.jsonl > verdicts.jsonl
//
// In:  {"id": "...", "query": "..."} a line.
// Out: {"id", "syntax_ok", "diagnostics": [{code, severity, message, start, length}]} a line, in the same order; with
//      --schema also {"ok", "columns": [{name, type}], "open"} and the semantic diagnostics.
//      Offsets count UTF-16 units. {"id", "crash"} if the library itself fails.
//
// SCHEMA.json: {"tables": {T: {column: type}}, "functions": [{name, params, columns, body, open}]}. Tables named *_CL
// that are missing there are taken as open, as they are custom tables of some workspace.

import fs from "node:fs";
import path from "node:path";
import vm from "node:vm";
import { createRequire } from "node:module";

const library = path.dirname(createRequire(import.meta.url).resolve("@kusto/language-service-next/package.json"));
for (const file of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  // The library is a script that declares globals, not a module.
  vm.runInThisContext(fs.readFileSync(path.join(library, file), "utf8"), { filename: file });
}
const { Language } = globalThis.Kusto;
const { TableSymbol, FunctionSymbol, DatabaseSymbol, Parameter } = Language.Symbols;

const CUSTOM_COLUMNS = {
  TimeGenerated: "datetime", TenantId: "string", Type: "string", Computer: "string", RawData: "string",
  _ResourceId: "string",
};

function items(list) {
  const found = [];
  for (let i = 0; i < (list?.Count ?? 0); i++) found.push(list.getItem(i));
  return found;
}

function table(name, columns, open) {
  const schema = Object.entries(columns).map(([column, type]) => `['${column}']:${type}`).join(", ");
  const symbol = new TableSymbol.$ctor7(name, `(${schema})`, null);
  return open ? symbol.WithIsOpen(true) : symbol;
}

function declared({ name, params, columns, body, open }) {
  if (body) return new FunctionSymbol.$ctor16(name, params, body, null);
  return new FunctionSymbol.$ctor6(name, table(null, columns ?? {}, open), Parameter.ParseList(params), null);
}

const schemaAt = process.argv.indexOf("--schema");
const schema = schemaAt < 0 ? null : JSON.parse(fs.readFileSync(process.argv[schemaAt + 1], "utf8"));
const symbols = new Map();
if (schema) {
  for (const fn of schema.functions ?? []) symbols.set(fn.name, () => declared(fn));
  for (const [name, columns] of Object.entries(schema.tables)) {
    if (!symbols.has(name)) symbols.set(name, () => table(name, columns, false));
  }
}

// Only the names that a query uses are declared: declaring all of them takes seconds. Wildcards need all.
function globalsFor(query) {
  const words = new Set(query.match(/[A-Za-z_]\w*/g) ?? []);
  const wanted = /\*/.test(query) && /\b(union|find|search)\b/.test(query) ? [...symbols.keys()] : [...words];
  const members = [];
  for (const name of new Set([...wanted, ...words])) {
    if (symbols.has(name)) members.push(symbols.get(name)());
    else if (name.endsWith("_CL")) members.push(table(name, CUSTOM_COLUMNS, true));
  }
  return Language.GlobalState.Default.WithDatabase(new DatabaseSymbol.ctor("db", members));
}

function diagnostics(list) {
  return items(list).map((d) => ({
    code: d.Code, severity: d.Severity, message: d.Message, start: d.Start, length: d.Length,
  }));
}

const failed = (list) => list.some((d) => d.severity === "Error");

function verdict({ id, query }) {
  const globals = schema ? globalsFor(query) : Language.GlobalState.Default;
  const syntax = diagnostics(Language.KustoCode.Parse(query, globals).GetSyntaxDiagnostics());
  const answer = { id, syntax_ok: !failed(syntax), diagnostics: syntax };
  if (schema) {
    const code = Language.KustoCode.ParseAndAnalyze(query, globals);
    answer.diagnostics = diagnostics(code.GetDiagnostics());
    answer.ok = !failed(answer.diagnostics);
    const columns = items(code.ResultType?.Columns);
    answer.columns = columns.map((c) => ({ name: c.Name, type: c.Type.Name }));
    answer.open = code.ResultType?.IsOpen ?? false;
  }
  return answer;
}

for (const line of fs.readFileSync(0, "utf8").split("\n")) {
  if (!line) continue;
  const input = JSON.parse(line);
  let answer;
  try {
    answer = verdict(input);
  } catch (error) {
    answer = { id: input.id, crash: String(error?.message ?? error) };
  }
  console.log(JSON.stringify(answer));
}
