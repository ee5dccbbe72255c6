// A sweep: what the target costs at each value of an axis. Each run is made here, unless it stands as it was made.
const AXIS = FACTS.axes[0]
let lines = [] // of each method, at each value: its cost, infinite where the target was not reached, and how it ended

function compute() {
  nameAll()
  lines = METHODS.map((m, i) => withBest(m.live ? swept(i) : { ...m.kept, cost: m.kept.cost.map((v) => v ?? Infinity) }))
}

function swept(i) {
  const line = { cost: [], status: [] }, set = now
  for (const value of AXIS.values) {
    now = withValues(set, i, [value])
    const r = runToItsEnd(i, now.start)
    line.cost.push(r.cost)
    line.status.push(r.status)
  }
  now = set
  return line
}

// The place of the least cost, and the first and last place around it that cost at most twice as much.
function withBest(line) {
  const { cost } = line
  const best = cost.reduce((low, v, k) => (v < cost[low] ? k : low), 0)
  if (!Number.isFinite(cost[best])) return { ...line, best: null, usable: null }
  let first = best, last = best
  while (first > 0 && cost[first - 1] <= 2 * cost[best]) first--
  while (last < cost.length - 1 && cost[last + 1] <= 2 * cost[best]) last++
  return { ...line, best, usable: [first, last] }
}

function draw() {
  if (asking) return
  const shown = lines.map((line, i) => [line, i]).filter(([, i]) => !now.hidden.has(i))
  const { budget } = FACTS.limits, finite = shown.flatMap(([line]) => line.cost).filter(Number.isFinite)
  const low = Math.max(1, Math.min(...finite, budget))
  const axis = axisOf(low / 1.4, Math.max(...finite, 10 * low) * 1.5)
  const panel = panelOf("curve", FACTS.what, AXIS.title, axis, shown.map(([, i]) => i))
  const { c, wide, box, py, narrow } = panel, size = theme.size
  const n = AXIS.values.length, place = AXIS.log ? Math.log : (v) => v
  const [first, last] = [place(AXIS.values[0]), place(AXIS.values[n - 1])], half = (last - first) / (n - 1) / 2
  const px = (v) => box.left + ((place(v) - first + half) / (last - first + 2 * half)) * (box.right - box.left)
  const ticks = n <= 8 ? AXIS.values : AXIS.log ? axisOf(AXIS.values[0], AXIS.values[n - 1]).marks : niceTicks(first, last, Math.max(2, (box.right - box.left) / (size * 5)))
  ticksBelow(c, box, ticks.map((v) => [px(v), markOf(v)]))
  if (py(budget) >= box.top) {
    c.strokeStyle = theme.quiet
    c.setLineDash([3, 4])
    c.beginPath()
    c.moveTo(box.left, py(budget))
    c.lineTo(box.right, py(budget))
    c.stroke()
    c.setLineDash([])
  }
  drawn.curve = []
  const labels = []
  for (const [{ cost }, i] of shown) {
    const X = (k) => px(AXIS.values[k]), Y = (k) => py(cost[k])
    c.strokeStyle = theme.colours[i]
    c.lineWidth = 2.6 * (size / 17)
    c.setLineDash(DASHES[i % 8])
    c.beginPath()
    cost.forEach((v, k) => Number.isFinite(v) && (Number.isFinite(cost[k - 1]) ? c.lineTo(X(k), Y(k)) : c.moveTo(X(k), Y(k))))
    c.stroke()
    c.setLineDash([])
    cost.forEach((v, k) => Number.isFinite(v) && shape(c, i, X(k), Y(k), size * 0.26))
    const end = cost.findLastIndex(Number.isFinite)
    if (end >= 0) labels.push({ i, x: X(end), y: Y(end) })
    drawn.curve.push({ i, n, X, Y })
  }
  if (!narrow) nameCurves(c, labels, box, wide, size)
  if (AXIS.choosable) drawStrips(shown, box)
}

// A strip for each method below its curve, a cell for each value: usable, reached, not reached, or diverged.
function drawStrips(shown, box) {
  const { c, high } = canvasOf("strips"), size = theme.size, n = AXIS.values.length
  const each = high / Math.max(shown.length, 1), width = (box.right - box.left) / n
  shown.forEach(([line, i], row) => {
    const top = row * each + 2, tall = each - 4
    shape(c, i, box.left - size * 0.9, top + tall / 2, size * 0.28)
    for (let k = 0; k < n; k++) {
      const x = box.left + k * width, lost = line.status[k] === "diverged"
      const usable = line.usable && k >= line.usable[0] && k <= line.usable[1]
      c.fillStyle = Number.isFinite(line.cost[k]) ? theme.colours[i] + (usable ? "" : "66") : lost ? theme.bad : theme.line
      c.fillRect(x, top, width - 0.5, tall)
      if (!lost) continue
      c.strokeStyle = theme.paper
      c.lineWidth = 1.5
      c.beginPath()
      c.moveTo(x + 1, top)
      c.lineTo(x + width - 1.5, top + tall)
      c.moveTo(x + width - 1.5, top)
      c.lineTo(x + 1, top + tall)
      c.stroke()
    }
  })
}

const HEADS = AXIS.choosable ? [`best ${AXIS.name}`, "cost there", "at most twice that", "diverged"] : ["least cost", "largest cost", "ratio", "not reached"]
const rows = []
function begin() {
  $("heads").innerHTML = ["method", ...HEADS].map((head, k) => `<th scope="col"${k ? ' class="n"' : ""}>${escaped(head)}</th>`).join("")
  document.body.classList.toggle("no-strips", !AXIS.choosable)
  $("controls").hidden = !METHODS.some((m) => m.live || m.why)
  METHODS.forEach((_, i) => {
    const row = $("rows").insertRow()
    row.dataset.run = i
    row.innerHTML = `<td>${swatch(i)}<span data-name="${i}"></span></td>${`<td class="n"></td>`.repeat(4)}`
    rows.push([...row.cells])
  })
  $("strips").parentNode.style.setProperty("--strips", METHODS.length)
  tell("curve", (i, k) => {
    const { cost, status } = lines[i]
    const told = Number.isFinite(cost[k]) ? `${counted(cost[k])} evaluations` : status[k] === "budget" ? "not reached" : status[k]
    return [names[i], `${AXIS.name} = ${short(AXIS.values[k])}`, told]
  })
  new ResizeObserver(() => redraw(false)).observe($("curve"))
}

function fill() {
  lines.forEach(({ cost, status, best, usable }, i) => {
    const [, at, least, range, lost] = rows[i], reached = cost.filter(Number.isFinite)
    if (!AXIS.choosable) {
      const [low, high] = [Math.min(...reached), Math.max(...reached)]
      const texts = reached.length ? [counted(low), counted(high), short(high / low)] : ["–", "–", "–"]
      const missed = cost.length - reached.length
      ;[...texts, missed ? `${missed} of ${cost.length}` : "none"].forEach((text, k) => (rows[i][k + 1].textContent = text))
      return
    }
    const diverged = status.filter((s) => s === "diverged").length
    at.textContent = best === null ? "–" : short(AXIS.values[best])
    least.textContent = best === null ? "not reached" : counted(cost[best])
    range.textContent = !usable ? "–" : usable.map((k) => short(AXIS.values[k])).join(" to ")
    lost.textContent = diverged ? `${diverged} of ${status.length}` : "none"
    lost.className = diverged ? "n diverged" : "n"
  })
  tellBits()
}

const restart = () => {}
