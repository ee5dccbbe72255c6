// What is set in the page: FACTS says what was run, PROGRAMS and KNOWN have the recorded text. Every page joins this
// script first, then words, theme and pen, what it shows (runs, a sweep or a map), controls, and frame, which begins.
"use strict"
const FACTS = JSON.parse(document.getElementById("facts").textContent)
const $ = (id) => document.getElementById(id)
const METHODS = FACTS.methods

const initial = () => ({
  problem: Object.fromEntries(FACTS.parameters.map((c) => [c.input, c.value])),
  methods: METHODS.map((m) => Object.fromEntries(Object.entries(m.fixed ?? {}).map(([k, v]) => [k, Number(v)]))),
  start: [...FACTS.start],
  view: FACTS.view,
  noise: FACTS.noise?.control.value ?? 0,
  hidden: new Set(),
})
let now = initial()
let asking = false // a lesson shows no run before its question is answered

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b)
const asGiven = () => same([now.problem, now.start, now.noise], [initial().problem, FACTS.start, initial().noise])
const caseOf = (i) => Math.max(0, PROGRAMS[i].findIndex((c) => !c.zero || now.problem[c.zero] === 0))
const parametersOf = (i, program) =>
  program.parameters.map((name) => (name.startsWith("q.") ? now.problem[name] : now.methods[i][name]))
const FIRST = PROGRAMS.findIndex((cases) => cases)

function chosen(i) {
  const program = PROGRAMS[i][caseOf(i)].program
  return [program, parametersOf(i, program)]
}

function known() {
  if (FIRST < 0) return FACTS.known // of runs that stand as they were made
  const [, p] = chosen(FIRST)
  const { fStar, xStar } = KNOWN[caseOf(FIRST)]
  return { fStar: fStar(p)?.[0] ?? null, xStar: xStar(p) ?? [] }
}

// Whether the runs have NumPy's bits, in words.
const bits = () =>
  FIRST < 0 ? (FACTS.made ?? "The runs stand as they were made.")
    : PROGRAMS.every((cases, i) => !cases || chosen(i)[0].exact)
      ? "The runs are made in this page, to the last bit as the command makes them."
      : "The runs are made in this page; where exp, sin or powers enter, last digits may differ from the command's."

// The problem and the methods as they are set, as a command names them.
const filled = (spec, values) => spec.replace(/\{([pq]\.\w+)\}/g, (_, name) => spoken(values[name]))
const problemSpec = () => filled(FACTS.spec, now.problem)
const specOf = (i) => (METHODS[i].live ? filled(METHODS[i].spec, now.methods[i]) : METHODS[i].label)

function command() {
  const problem = problemSpec(), methods = METHODS.map((_, i) => specOf(i))
  const words = methods.length > 1 ? ["compare", problem, ...methods] : ["run", problem, "--method", ...methods]
  words.push("--budget", String(FACTS.limits.budget))
  if (FACTS.stepsGiven) words.push("--steps", String(FACTS.stepsGiven))
  if (FACTS.limits.target) words.push("--target", String(FACTS.limits.target))
  if (FACTS.limits.gradTarget !== null) words.push("--grad-target", String(FACTS.limits.gradTarget))
  if (now.noise) words.push("--noise", String(now.noise))
  if (FACTS.noise?.seed) words.push("--seed", String(FACTS.noise.seed))
  if (now.start.length) words.push(`--start=${now.start.join(",")}`)
  return ["stepbench", ...words].map(quoted).join(" ")
}

// A name of a method or the problem, as it was given, with the values that are set now.
function named(label, parameters, values, initials) {
  for (const { input, name } of parameters) {
    if (values[input] === initials[input]) continue
    const said = new RegExp(`(^|[:,])(${name.replace(".", "\\.")})=[^,+]*`)
    const text = `${name}=${spoken(values[input])}`
    if (said.test(label)) label = label.replace(said, `$1${text}`)
    else label += (label.includes(":") ? "," : ":") + text
  }
  return label
}

// The noise of the steps: the same normal numbers as the command's, times its size; null where there is none.
const numbersOf = (text) => new Float64Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer)
const NORMALS = FACTS.noise?.normals && numbersOf(FACTS.noise.normals)
const noise = () => NORMALS && { size: now.noise, normals: NORMALS }

let names = []
let title = ""
function nameAll() {
  const given = initial()
  names = METHODS.map((m, i) => (m.live ? named(m.label, m.parameters, now.methods[i], given.methods[i]) : m.label))
  title = named(FACTS.problem, FACTS.parameters, now.problem, given.problem)
  document.querySelectorAll("[data-name]").forEach((e) => (e.textContent = breakable(e.dataset.name ? names[e.dataset.name] : title)))
}
