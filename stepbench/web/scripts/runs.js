// Runs: they are made here, drawn as paths and curves, and told in a table.
let until = Infinity // the evaluations at which all runs are shown
let runs = []

function compute() {
  nameAll()
  const { fStar } = known()
  runs = METHODS.map((m, i) => {
    if (!PROGRAMS[i]) return asGiven() ? kept(m.run) : null
    const [program, p] = chosen(i)
    const r = run(program, now.start, p, { ...FACTS.limits, fStar }, noise())
    const last = r.n - 1
    const cost = r.evals[last] || !r.fevals[last] ? r.evals : r.fevals
    const value = fStar === null ? r.f : r.f.map((f) => f - fStar)
    return { ...r, cost, value, steps: last }
  })
}

function kept(r) {
  const of = (list) => Float64Array.from(list ?? [], (v) => v ?? NaN)
  const n = r.f.length, at = (value) => new Float64Array(n).fill(value)
  const alpha = of(r.alpha)
  return { x: of(r.x), f: of(r.f), value: of(r.value), cost: of(r.evals), alpha, sizes: r.sizes, d: 2, n,
    evals: at(r.spent[0]), fevals: at(r.spent[1]), steps: r.steps, status: r.status, detail: r.detail }
}

// The last record of a run that is shown: that by which so many evaluations were spent.
function shownOf(r) {
  let low = 0, high = r.n - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (r.cost[middle] <= until) low = middle
    else high = middle - 1
  }
  return low
}
const visible = () => (asking ? [] : runs).map((r, i) => [r, i]).filter(([r, i]) => r && !now.hidden.has(i))

function draw() {
  drawPlane()
  drawErrors()
  drawSizes()
  $("until").value = Math.min(until, Number($("until").max))
  $("at").textContent = `${counted(Number($("until").value))} ∇f`
}

function fill() {
  fillTable()
  const most = Math.max(1, ...runs.filter(Boolean).map((r) => r.cost[r.n - 1]))
  $("until").max = most
  if (until >= most) until = Infinity
  $("same").textContent = command()
  $("bits").textContent = bits()
}

const restart = () => {
  play(false)
  until = Infinity
}

function begin() {
  makeTable()
  hands()
  document.body.classList.toggle("made-only", FIRST < 0)
  $("marks").innerHTML = `<b>○</b> start${FIRST < 0 ? "" : ", drag it"} <b>★</b> minimum <b class="cross">✕</b> diverged`
  for (const id of ["plane", "errors", "sizes"]) {
    tell(id, ofRecord)
    new ResizeObserver(() => redraw(false)).observe($(id))
  }
}
