// Curves against evaluations; `lists` are the curves [run, number of the run, value of a record, dash].
function drawCurves(id, title, axis, lists) {
  if (!$(id).clientWidth) return
  const { c, wide, box, py, narrow } = panelOf(id, title, "gradient evaluations", axis, lists.map(([, i]) => i))
  const size = theme.size, most = Math.max(1, ...runs.filter(Boolean).map((r) => r.cost[r.n - 1]))
  const px = (v) => box.left + (v / most) * (box.right - box.left)
  const ticks = niceTicks(0, most, Math.max(2, (box.right - box.left) / (size * 7))).filter((v) => v === Math.round(v))
  ticksBelow(c, box, ticks.map((v) => [px(v), counted(v)]))
  drawn[id] = []
  const labels = []
  for (const [r, i, valueOf, dash, faint = ""] of lists) {
    const X = (k) => px(r.cost[k]), Y = (k) => py(valueOf(k))
    const { path, last } = lineThrough(r.n, X, Y, box)
    c.strokeStyle = theme.colours[i] + faint
    c.lineWidth = (faint ? 1.6 : 2.6) * (size / 17)
    c.setLineDash(DASHES[dash % 8])
    c.stroke(path)
    c.setLineDash([])
    drawn[id].push({ i, n: r.n, X, Y })
    if (last && r.status === "diverged" && !faint) cross(c, ...last, theme.bad)
    const to = shownOf(r)
    if (to < r.n - 1 && Y(to) >= box.top && Y(to) <= box.bottom) shape(c, i, X(to), Y(to), size * 0.3)
    if (!last) continue
    const label = labels.find((l) => l.i === i)
    if (!label) labels.push({ i, x: last[0], y: last[1] })
    else if (!faint) [label.x, label.y] = last
  }
  if (!narrow) nameCurves(c, labels, box, wide, size)
}

// The mean of the last values, so many of them, at each record.
function meansOf(r, window) {
  const sums = new Float64Array(r.n + 1)
  for (let k = 0; k < r.n; k++) sums[k + 1] = sums[k] + r.value[k]
  return (k) => (sums[k + 1] - sums[Math.max(0, k + 1 - window)]) / Math.min(window, k + 1)
}

function drawErrors() {
  const shown = visible()
  const { fStar } = known()
  const first = Math.max(...shown.map(([r]) => Math.abs(r.value[0])), 1e-300)
  let low = Infinity, high = 0, negative = false
  for (const [r] of shown) {
    for (let k = 0; k < r.n; k++) {
      const v = r.value[k]
      if (v > 0 && v < low) low = v
      if (v > high && v <= 1e3 * first) high = v
      if (v < 0 && fStar === null) negative = true
    }
  }
  let axis
  if (negative) {
    let bottom = 0
    for (const [r] of shown) for (let k = 0; k < r.n; k++) if (r.value[k] < bottom && r.value[k] > -1e6 * first) bottom = r.value[k]
    axis = axisOf(1.2 * bottom, 1.2 * Math.max(high, first), Math.max(first, 1e-2 * Math.max(high, -bottom)))
  } else {
    low = Math.max(low === Infinity ? first : low, 1e-17 * first)
    axis = axisOf(10 ** Math.floor(Math.log10(low)), 1.6 * Math.max(high, first))
  }
  const window = Math.round(Math.max(...shown.map(([r]) => r.n), 0) / 40), noisy = now.noise > 0 && window >= 10
  const each = shown.map(([r, i]) => [r, i, (k) => r.value[k], i, noisy ? "38" : ""])
  const means = noisy ? shown.map(([r, i]) => [r, i, meansOf(r, window), i]) : []
  drawCurves("errors", FACTS.errorName + (noisy ? `, bold: mean of ${window} steps` : ""), axis, [...each, ...means])
}

function drawSizes() {
  const lists = []
  let low = Infinity, high = -Infinity, least = Infinity
  for (const [r, i] of visible()) {
    for (let j = 0; j < Math.min(r.sizes, 6); j++) {
      lists.push([r, i, (k) => r.alpha[k * r.sizes + j], j || i, r.sizes > 1 ? "99" : ""])
      for (let k = 1; k < r.n; k++) {
        const v = r.alpha[k * r.sizes + j]
        if (!(Math.abs(v) < 1e30)) continue
        if (v < low) low = v
        if (v > high) high = v
        if (v && Math.abs(v) < least) least = Math.abs(v)
      }
    }
  }
  $("sizes").hidden = !lists.length || FACTS.lesson?.picture === "paths"
  if ($("sizes").hidden) return
  if (!(least < Infinity)) [low, high, least] = [1e-3, 1, 1e-3]
  const axis = low < 0 ? axisOf(1.5 * low, 1.5 * Math.max(high, 0), 10 ** Math.floor(Math.log10(Math.max(least, 1e-4 * Math.max(high, -low)))))
    : axisOf(Math.max(least, 1e-12 * high) / 2, 2 * high)
  const several = lists.some(([r]) => r.sizes > 1)
  drawCurves("sizes", several ? "step size α (a line for each component)" : "step size α", axis, lists)
}
