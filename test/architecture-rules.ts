/**
 * The architecture as a table and a pure check: files in, violations out. The layers and what each may import are
 * those of the design document's layer table; beside them: no cycles, no hidden environment, clock or chance,
 * no folders for leftovers, no file too long to read.
 */
import { builtinModules } from "node:module";
import { posix } from "node:path";
import { codeOnly, importLines, lineAt, type ImportLine } from "../scripts/import-lines.ts";

export interface SourceFile {
  /** Relative to the repository, with "/". */
  readonly path: string;
  readonly text: string;
}

export interface Violation {
  readonly rule: "layers" | "cycle" | "builtins" | "packages" | "environment" | "ambient" | "folders" | "length";
  /** "src/a.ts:3". */
  readonly place: string;
  readonly reason: string;
}

export interface ArchitectureOptions {
  /** Packages a user of ours gets: dependencies and peers. */
  readonly dependencies: readonly string[];
  readonly developmentDependencies: readonly string[];
  /** Files that may be longer than MAXIMUM_LINES, each with its reason. */
  readonly longFiles: Readonly<Record<string, string>>;
}

/** A domain may import those before it, through their index.ts. */
export const DOMAINS = ["compute", "observe", "govern", "data", "modelops", "serving", "gateway", "functions", "operate"] as const;
export const MAXIMUM_LINES = 400;

const BANNED_NAMES = new Set(["utils", "util", "helpers", "helper", "common", "misc", "lib", "core"]);
/** kernel and define reach nothing outside the process. */
const BUILTINS_OF_THE_OUTSIDE = new Set(["fs", "fs/promises", "http", "https", "http2", "net", "tls", "dgram", "child_process"]);
/** What an engine wraps; everyone else goes through the engine's port. */
const ENGINE_PACKAGES = new Set(["@duckdb/node-api", "onnxruntime-node", "node:sqlite"]);
/** Files outside platform, cli, bench, tests and scripts where real time and chance enter. */
const ENTRIES = [/^src\/kernel\/clock\.ts$/, /^examples\/[^/]+\/(main|index|start|run)\.ts$/, /^console\/main\.tsx?$/];

type Layer =
  | "kernel" | "define" | "ports" | "engine" | "domain" | "protocols" | "platform" | "cli" | "public"
  | "console" | "examples" | "bench" | "scenarios" | "scripts" | "test" | "nowhere";

interface Place {
  readonly layer: Layer;
  /** Which engine or which domain. */
  readonly part: string;
  readonly path: string;
}

/** One import line of one file, with what it leads to: a place of ours, or a package. */
interface Edge extends ImportLine {
  readonly file: SourceFile;
  readonly from: Place;
  readonly to: Place | undefined;
}

/** All violations, in the order of the files. */
export function checkArchitecture(files: readonly SourceFile[], options: ArchitectureOptions): readonly Violation[] {
  const edges = files.flatMap((file) => edgesOf(file));
  return [
    ...edges.flatMap((edge) => layerViolations(edge)),
    ...edges.flatMap((edge) => packageViolations(edge, options)),
    ...cycles(edges),
    ...files.flatMap((file) => [...ambientViolations(file), ...nameViolations(file)]),
    ...lengthViolations(files, options.longFiles),
  ];
}

/** Where a path lives. Tests beside sources are tests; those of examples and scenarios keep to what users see. */
function placeOf(path: string): Place {
  const [root = "", room = "", part = ""] = path.split("/");
  const place = (layer: Layer, name = ""): Place => ({ layer, part: name, path });
  if (root === "test") return place(room === "scenarios" ? "scenarios" : "test");
  if (root === "examples" || root === "bench") return place(root);
  if (path.endsWith(".test.ts")) return place("test");
  if (root === "console" || root === "scripts") return place(root);
  if (root !== "src") return place("nowhere");
  if (room === "index.ts" || room === "testing.ts") return place("public");
  if (room === "engines") return place("engine", part);
  if ((DOMAINS as readonly string[]).includes(room)) return place("domain", room);
  const single = (["kernel", "define", "ports", "protocols", "platform", "cli"] as const).find((layer) => layer === room);
  return place(single ?? "nowhere");
}

const isIndex = (to: Place): boolean => to.path === `src/${to.part}/index.ts`;
const rank = (place: Place): number => (DOMAINS as readonly string[]).indexOf(place.part);
const contracts: readonly Layer[] = ["kernel", "define", "ports"];
const ownSource = (to: Place): boolean => to.path.startsWith("src/") && to.layer !== "test";

/** The layer table: whether a file of a layer may import from a place. */
const MAY_IMPORT: Readonly<Record<Layer, (to: Place, from: Place, line: ImportLine) => boolean>> = {
  kernel: (to) => to.layer === "kernel",
  define: (to) => to.layer === "kernel" || to.layer === "define",
  ports: (to) => contracts.includes(to.layer),
  engine: (to, from) => to.layer === "kernel" || to.layer === "ports" || (to.layer === "engine" && to.part === from.part),
  domain: (to, from) => contracts.includes(to.layer)
    || (to.layer === "domain" && (to.part === from.part || (isIndex(to) && rank(to) < rank(from)))),
  protocols: (to) => to.layer === "kernel" || to.layer === "define" || to.layer === "protocols" || (to.layer === "domain" && isIndex(to)),
  platform: (to) => ownSource(to) && to.layer !== "cli" && to.layer !== "public",
  cli: (to) => to.layer === "kernel" || to.layer === "platform" || to.layer === "cli",
  public: (to) => ownSource(to) || to.path.startsWith("test/conformance/"),
  // The console runs in a browser: of the server's code it may know types, and nothing that would be bundled.
  console: (to, _, line) => to.layer === "console" || (line.typeOnly && ownSource(to)),
  examples: (to) => to.layer === "public" || to.layer === "examples",
  bench: (to) => to.layer === "public" || to.layer === "bench" || to.layer === "examples",
  scenarios: (to) => to.layer === "public" || to.layer === "scenarios" || to.layer === "examples",
  scripts: (to) => to.layer === "scripts",
  test: () => true,
  nowhere: () => false,
};

const ALLOWED: Readonly<Record<Layer, string>> = {
  kernel: "nothing of ours", define: "kernel", ports: "kernel and define", engine: "kernel, ports and its own folder",
  domain: "kernel, define, ports, and the index.ts of domains before it", protocols: "kernel, define and the index.ts of domains",
  platform: "everything but cli", cli: "platform and kernel", public: "src and test/conformance", console: "itself, and types",
  examples: "the public names", bench: "the public names", scenarios: "the public names", scripts: "scripts", test: "anything", nowhere: "nothing",
};

function edgesOf(file: SourceFile): readonly Edge[] {
  const from = placeOf(file.path);
  return importLines(file.text).map((line) => ({ ...line, file, from, to: targetOf(file.path, line.specifier) }));
}

function targetOf(path: string, specifier: string): Place | undefined {
  if (specifier.startsWith(".")) return placeOf(posix.join(posix.dirname(path), specifier));
  if (specifier === "strata") return placeOf("src/index.ts");
  return specifier === "strata/testing" ? placeOf("src/testing.ts") : undefined;
}

const placeText = ({ file, line }: Edge): string => `${file.path}:${line}`;

function layerViolations(edge: Edge): readonly Violation[] {
  if (edge.to === undefined || MAY_IMPORT[edge.from.layer](edge.to, edge.from, edge)) return [];
  const who = edge.from.part === "" ? edge.from.layer : `${edge.from.layer} ${edge.from.part}`;
  return [{ rule: "layers", place: placeText(edge), reason: `${who} may import ${ALLOWED[edge.from.layer]}, not ${edge.to.path}` }];
}

function packageViolations(edge: Edge, options: ArchitectureOptions): readonly Violation[] {
  if (edge.to !== undefined) return [];
  const { specifier, from } = edge;
  const bare = specifier.replace(/^node:/, "");
  const found = (rule: Violation["rule"], reason: string): Violation => ({ rule, place: placeText(edge), reason });
  const forUsers = ownSource(from) || from.layer === "console" || (from.layer === "examples" && !from.path.endsWith(".test.ts"));
  const isBuiltin = specifier.startsWith("node:") || builtinModules.includes(bare);
  const name = specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  const declared = [...options.dependencies, ...(forUsers ? [] : options.developmentDependencies)];
  return [
    ...((from.layer === "kernel" || from.layer === "define") && isBuiltin && BUILTINS_OF_THE_OUTSIDE.has(bare)
      ? [found("builtins", `${from.layer} does no input or output, so it may not import ${specifier}`)] : []),
    ...(ownSource(from) && from.layer !== "engine" && from.layer !== "platform" && ENGINE_PACKAGES.has(isBuiltin ? `node:${bare}` : name)
      ? [found("packages", `only engines import ${name}; others use its port`)] : []),
    ...(isBuiltin || specifier === "strata/package.json" || declared.includes(name) ? [] : [found("packages", `package.json does not declare ${name}`)]),
  ];
}

/** One violation per knot of files that import each other at run time (Tarjan 1972), told as one round trip. */
function cycles(edges: readonly Edge[]): readonly Violation[] {
  const next = new Map<string, Set<string>>();
  for (const edge of edges) {
    if (edge.typeOnly || edge.to === undefined) continue;
    next.set(edge.file.path, (next.get(edge.file.path) ?? new Set()).add(edge.to.path));
  }
  return knotsOf(next).map((knot) => {
    const trip = roundTrip(knot, next);
    return { rule: "cycle", place: trip[0]!, reason: `imports itself: ${trip.join(" → ")}` };
  });
}

/** Strongly connected components of more than one file, and files that import themselves. */
function knotsOf(next: ReadonlyMap<string, ReadonlySet<string>>): readonly ReadonlySet<string>[] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const knots: Set<string>[] = [];
  const visit = (path: string): void => {
    order.set(path, order.size);
    lowest.set(path, order.get(path)!);
    open.push(path);
    for (const target of next.get(path) ?? []) {
      if (!order.has(target)) visit(target);
      if (open.includes(target)) lowest.set(path, Math.min(lowest.get(path)!, lowest.get(target)!));
    }
    if (lowest.get(path) !== order.get(path)) return;
    const knot = new Set(open.splice(open.indexOf(path)));
    if (knot.size > 1 || next.get(path)?.has(path) === true) knots.push(knot);
  };
  for (const path of next.keys()) if (!order.has(path)) visit(path);
  return knots;
}

/** The shortest way from the knot's first file back to it (breadth first). */
function roundTrip(knot: ReadonlySet<string>, next: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const start = [...knot].toSorted()[0]!;
  const ways: string[][] = [[start]];
  const seen = new Set<string>();
  for (const way of ways) {
    for (const target of next.get(way.at(-1)!) ?? []) {
      if (target === start) return [...way, start];
      if (!knot.has(target) || seen.has(target)) continue;
      seen.add(target);
      ways.push([...way, target]);
    }
  }
  return [start];
}

const ENVIRONMENT = /\bprocess\s*\??\.\s*env\b|\bprocess\s*\[|\{[^{}]*\benv\b[^{}]*\}\s*=\s*process\b|import\s*\{[^{}]*\benv\b[^{}]*\}\s*from\s*["']/g;
const AMBIENT = /\bDate\s*\.\s*now\b|\bMath\s*\.\s*random\b|\bnew\s+Date\s*(?:\(\s*\)|(?=[;,)]))/g;

function ambientViolations(file: SourceFile): readonly Violation[] {
  const { layer } = placeOf(file.path);
  const code = codeOnly(file.text);
  const found = (pattern: RegExp, rule: Violation["rule"], reason: string): readonly Violation[] =>
    Array.from(code.matchAll(pattern), (match) => ({ rule, place: `${file.path}:${lineAt(code, match.index)}`, reason: `${match[0].trim()}: ${reason}` }));
  const isFree = layer === "platform" || layer === "scripts" || layer === "bench" || layer === "test" || layer === "scenarios" || file.path.endsWith(".test.ts");
  return [
    ...(isFree || file.path === "src/cli/main.ts" ? [] : found(ENVIRONMENT, "environment", "the environment is read by platform and handed in")),
    ...(isFree || layer === "cli" || ENTRIES.some((entry) => entry.test(file.path)) ? [] : found(AMBIENT, "ambient", "take a Clock or a Random instead")),
  ];
}

function nameViolations({ path }: SourceFile): readonly Violation[] {
  return path.split("/").map((name) => name.replace(/(\.test)?\.tsx?$/, "")).filter((name) => BANNED_NAMES.has(name))
    .map((name) => ({ rule: "folders", place: path, reason: `"${name}" says nothing about what is inside` }));
}

function lengthViolations(files: readonly SourceFile[], longFiles: Readonly<Record<string, string>>): readonly Violation[] {
  const lengths = new Map(files.map(({ path, text }) => [path, text.trimEnd().split("\n").length]));
  const long = [...lengths].filter(([path, lines]) => lines > MAXIMUM_LINES && !Object.hasOwn(longFiles, path));
  const stale = Object.keys(longFiles).filter((path) => (lengths.get(path) ?? 0) <= MAXIMUM_LINES);
  return [
    ...long.map(([path, lines]): Violation => ({ rule: "length", place: path, reason: `${lines} lines; divide it, or list it with its reason` })),
    ...stale.map((path): Violation => ({ rule: "length", place: path, reason: "is listed as long, but is not (any more)" })),
  ];
}
