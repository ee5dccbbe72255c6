// A map: two axes, and at each pair of their values a run, made here unless it stands as it was made; a panel per method.
const [ACROSS, UP] = FACTS.axes
const SIZE = ACROSS.values.length * UP.values.length
const UNREACHED = "#b9bec6", HUES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#666666"]
const PER_FRAME = 14 // milliseconds of runs between two frames
let cells = [] // of each method: the cost at each place, infinite where nothing was reached, NaN before it is run
let minima = []
let order = null // in which the places are run: far apart first, so that the whole picture is soon there
let work = null

function compute() {
  nameAll()
  order ??= spread()
  cells = METHODS.map((m) => (m.live ? null : { ...m.kept, cost: m.kept.cost.map((v) => v ?? Infinity) }))
  cells = cells.map((one) => one ?? { cost: new Array(SIZE).fill(NaN), lost: new Array(SIZE).fill(false), goal: new Array(SIZE).fill(0) })
  work = { i: 0, k: 0 }
  minima = known().xStar
}

function spread() {
  const w = ACROSS.values.length, places = [], seen = new Uint8Array(SIZE)
  for (const step of [8, 4, 2, 1]) {
    for (let y = 0; y < UP.values.length; y += step) {
      for (let x = 0; x < w; x += step) if (!seen[y * w + x]++) places.push([y * w + x, step])
    }
  }
  return places
}

// Run the next places for a moment; whether there is more to do.
function advance() {
  const set = now, until = performance.now() + PER_FRAME, w = ACROSS.values.length
  while (performance.now() < until && work.k < SIZE) {
    for (let n = 0; n < 8 && work.k < SIZE; n++) {
      const [place] = order[work.k]
      METHODS.forEach((m, i) => {
        if (!m.live) return
        now = withValues(set, i, [ACROSS.values[place % w], UP.values[Math.floor(place / w)]])
        const r = runToItsEnd(i, now.start)
        cells[i].cost[place] = r.cost
        cells[i].lost[place] = r.status === "diverged" || r.status === "failed"
        cells[i].goal[place] = nearestMinimum(r.x)
      })
      work.k++
    }
  }
  now = set
  return work.k < SIZE
}

function nearestMinimum(x) {
  const stars = minima, d = x.length
  let best = Infinity, found = 0
  for (let k = 0; k * d < stars.length; k++) {
    let far = 0
    for (let j = 0; j < d; j++) far += (x[j] - stars[k * d + j]) ** 2
    if (far < best) [best, found] = [far, k]
  }
  return found
}

function draw() {
  if (asking) return
  const more = METHODS.some((m) => m.live) && advance()
  const finite = cells.flatMap(({ cost }) => cost).filter(Number.isFinite).sort((a, b) => a - b)
  const low = Math.max(1, finite[Math.floor(0.01 * finite.length)] ?? 1), high = Math.max(2 * low, finite[Math.floor(0.99 * (finite.length - 1))] ?? 10)
  cells.forEach((one, i) => drawPanel(i, one, low, high))
  drawScale(low, high)
  fillShares()
  if (more) redraw(false)
}

function colourOf(one, place, low, high) {
  const v = one.cost[place]
  if (Number.isNaN(v)) return null
  if (one.lost[place]) return rgb("#c8102e")
  if (!Number.isFinite(v)) return rgb(UNREACHED)
  const t = Math.min(1, Math.max(0, Math.log(v / low) / Math.log(high / low)))
  if (!FACTS.basins) return mixed(CIVIDIS.map(rgb).reverse(), t)
  const hue = rgb(HUES[one.goal[place] % 8])
  return hue.map((c) => Math.round(t < 0.5 ? c + (255 - c) * (0.75 - 1.5 * t) : c * (1 - 0.9 * (t - 0.5))))
}

function mixed(stops, t) {
  const at = t * (stops.length - 1), k = Math.min(Math.floor(at), stops.length - 2)
  return stops[k].map((c, j) => Math.round(c + (at - k) * (stops[k + 1][j] - c)))
}

function drawPanel(i, one, low, high) {
  const { c, wide, high: tall } = canvasOf(`map${i}`), size = theme.size
  const [w, h] = [ACROSS.values.length, UP.values.length]
  const box = { left: size * 3.6, right: wide - size * 0.6, top: 2, bottom: tall - size * 2.6 }
  const image = new ImageData(w, h), pixels = new Uint32Array(image.data.buffer)
  let step = 1
  const shown = new Int32Array(SIZE).fill(-1)
  if (METHODS[i].live && work.k < SIZE) {
    step = order[Math.max(0, work.k - 1)][1]
    for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) {
      const coarse = step < 8 ? step * 2 : 8
      const fine = y * w + x, near = (y - (y % coarse)) * w + x - (x % coarse)
      shown[fine] = Number.isNaN(one.cost[fine]) ? near : fine
    }
  }
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const place = y * w + x, colour = colourOf(one, shown[place] < 0 ? place : shown[place], low, high)
      if (colour) pixels[(h - 1 - y) * w + x] = (255 << 24) | (colour[2] << 16) | (colour[1] << 8) | colour[0]
    }
  }
  const picture = new OffscreenCanvas(w, h)
  picture.getContext("2d").putImageData(image, 0, 0)
  c.imageSmoothingEnabled = false
  c.drawImage(picture, box.left, box.top, box.right - box.left, box.bottom - box.top)
  if (!METHODS[i].live || work.k >= SIZE) drawPatterns(c, one, box)
  const px = placeOn(ACROSS, box.left, box.right), py = placeOn(UP, box.bottom, box.top)
  c.font = theme.font()
  const room = (box.right - box.left) / (size * 4)
  ticksBelow(c, box, ticksOf(ACROSS, room).map((v) => [px(v), markOf(v)]))
  c.fillText(ACROSS.title, (box.left + box.right) / 2, box.bottom + size * 1.3)
  c.textAlign = "right"
  c.textBaseline = "middle"
  for (const v of ticksOf(UP, (box.bottom - box.top) / (size * 3))) c.fillText(markOf(v), box.left - 5, py(v))
  c.textAlign = "left"
  c.save()
  c.translate(size * 0.6, (box.top + box.bottom) / 2)
  c.rotate(-Math.PI / 2)
  c.textAlign = "center"
  c.fillText(UP.title, 0, 0)
  c.restore()
  const stars = FACTS.basins ? minima : []
  for (let k = 0; k + 1 < stars.length; k += 2) star(c, px(stars[k]), py(stars[k + 1]), size * 0.5)
  drawn[`map${i}`] = { box, one }
}

// Patterns tell the basins, and what diverged, apart where colours do not.
const STROKES = [[], [[0, 9, 9, 0]], [[4, 4, 5, 5]], [[0, 4, 9, 4]], [[4, 0, 4, 9]], [[0, 0, 9, 9]], [[0, 9, 9, 0], [4, 0, 4, 9]], [[4, 2, 4, 4]]]
const CROSSED = [[1, 1, 8, 8], [1, 8, 8, 1]]

function drawPatterns(c, one, box) {
  const [w, h] = [ACROSS.values.length, UP.values.length], wide = box.right - box.left, high = box.bottom - box.top
  const kinds = one.cost.map((v, k) => (one.lost[k] ? -1 : FACTS.basins && Number.isFinite(v) ? one.goal[k] % 8 : 0))
  for (const kind of new Set(kinds)) {
    if (!kind) continue
    const mask = new OffscreenCanvas(w, h), image = new ImageData(w, h)
    kinds.forEach((found, k) => found === kind && (image.data[4 * ((h - 1 - Math.floor(k / w)) * w + (k % w)) + 3] = 255))
    mask.getContext("2d").putImageData(image, 0, 0)
    const layer = new OffscreenCanvas(Math.ceil(wide), Math.ceil(high)), l = layer.getContext("2d")
    l.imageSmoothingEnabled = false
    l.drawImage(mask, 0, 0, wide, high)
    l.globalCompositeOperation = "source-in"
    l.fillStyle = l.createPattern(tile(kind < 0 ? CROSSED : STROKES[kind]), "repeat")
    l.fillRect(0, 0, wide, high)
    c.drawImage(layer, box.left, box.top)
  }
}

function tile(strokes) {
  const made = new OffscreenCanvas(9, 9), t = made.getContext("2d")
  t.strokeStyle = "#ffffffb0"
  t.lineWidth = 1.3
  t.lineCap = "round"
  for (const [x, y, a, b] of strokes) {
    t.beginPath()
    t.moveTo(x, y)
    t.lineTo(a, b)
    t.stroke()
  }
  return made
}

// Where a value of an axis stands, between the edges of the first and the last cell.
function placeOn({ values, log }, from, to) {
  const place = log ? Math.log : (v) => v, n = values.length
  const first = place(values[0]), last = place(values[n - 1]), half = (last - first) / (n - 1) / 2
  return (v) => from + ((place(v) - first + half) / (last - first + 2 * half)) * (to - from)
}

const ticksOf = ({ values, log }, room) =>
  log ? axisOf(values[0], values.at(-1)).marks : niceTicks(values[0], values.at(-1), Math.max(2, room))

function drawScale(low, high) {
  const parts = FACTS.basins ? ["#f2f2f2", "#222222"] : [CIVIDIS.at(-1), CIVIDIS[4], CIVIDIS[0]]
  $("scale").innerHTML =
    `<span><i style="background:linear-gradient(90deg,${parts})"></i> ${counted(Math.round(low))} to ${counted(Math.round(high))} evaluations to ${FACTS.what}</span>` +
    `<span><i style="background:${UNREACHED}"></i> not reached in ${counted(FACTS.limits.budget)}</span>` +
    (cells.some(({ lost }) => lost.includes(true)) ? `<span><i style="background:#c8102e"></i> diverged</span>` : "") +
    (FACTS.basins ? `<span>each colour, with its pattern, is the minimum that was found, darker where it took longer; crosses: diverged</span>` : "")
}

const rows = []
function begin() {
  METHODS.forEach((_, i) => {
    const row = $("rows").insertRow()
    row.dataset.run = i
    row.innerHTML = `<td>${swatch(i)}<span data-name="${i}"></span></td>${`<td class="n"></td>`.repeat(3)}`
    rows.push([...row.cells])
    const panel = document.createElement("figure")
    panel.innerHTML = `<figcaption data-run="${i}">${swatch(i)}<span data-name="${i}"></span></figcaption>
      <div><canvas id="map${i}" role="img" aria-label="The map of ${escaped(METHODS[i].label)}"></canvas></div>`
    $("maps").append(panel)
    $(`map${i}`).addEventListener("pointermove", (event) => showTip(event, under(i, event)))
    $(`map${i}`).addEventListener("pointerleave", () => ($("tip").hidden = true))
    new ResizeObserver(() => redraw(false)).observe($(`map${i}`))
  })
}

function under(i, event) {
  const { box, one } = drawn[`map${i}`] ?? {}, at = $(`map${i}`).getBoundingClientRect()
  if (!box) return null
  const [w, h] = [ACROSS.values.length, UP.values.length]
  const x = Math.floor(((event.clientX - at.left - box.left) / (box.right - box.left)) * w)
  const y = Math.floor(((box.bottom - (event.clientY - at.top)) / (box.bottom - box.top)) * h)
  if (!(x >= 0 && x < w && y >= 0 && y < h)) return null
  const v = one.cost[y * w + x]
  return [names[i], `${ACROSS.name} = ${short(ACROSS.values[x])}`, `${UP.name} = ${short(UP.values[y])}`,
    one.lost[y * w + x] ? "diverged" : Number.isFinite(v) ? `${counted(v)} evaluations` : "not reached"]
}

function fillShares() {
  cells.forEach(({ cost, lost }, i) => {
    const [, reached, least, bad] = rows[i], share = (n) => `${short((100 * n) / SIZE)} %`
    const good = cost.filter(Number.isFinite)
    reached.textContent = share(good.length)
    least.textContent = good.length ? counted(good.reduce((a, b) => Math.min(a, b))) : "–"
    bad.textContent = share(lost.filter(Boolean).length)
  })
}

const fill = () => tellBits()
const restart = () => {}
