// A page of runs that are made in it: FACTS says what was run, PROGRAMS and KNOWN have the recorded text.
"use strict"
const FACTS = JSON.parse(document.getElementById("facts").textContent)
const $ = (id) => document.getElementById(id)
const METHODS = FACTS.methods
const LIGHT = METHODS.map((m) => m.colour)
const DARK_OF = { "#0072B2": "#4aa8e8", "#D55E00": "#ff8a3d", "#009E73": "#2cc79b", "#CC79A7": "#eaa3c9", "#E69F00": "#f5b83d",
  "#56B4E9": "#a6dbff", "#000000": "#ffffff", "#8C6D31": "#cfab6b" }
const DASHES = [[], [11, 4], [3, 3], [9, 3, 3, 3], [15, 5], [6, 3], [], [9, 5]]
const CIVIDIS = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"]
const LEVELS = 16
const FAR = 1e9 // boxes away: where both ends of a step lie farther out, rounding decides where it would cross the box

// What is set, and what was run of it ---------------------------------------------------------------------------------

const initial = () => ({
  problem: Object.fromEntries(FACTS.parameters.map((c) => [c.input, c.value])),
  methods: METHODS.map((m) => Object.fromEntries(Object.entries(m.fixed ?? {}).map(([k, v]) => [k, Number(v)]))),
  start: [...FACTS.start],
  view: FACTS.view,
  hidden: new Set(),
})
let now = initial()
let until = Infinity // the evaluations at which all runs are shown
let runs = []
let timing = {}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b)
const asGiven = () => same(now.problem, initial().problem) && same(now.start, FACTS.start)
const caseOf = (i) => Math.max(0, PROGRAMS[i].findIndex((c) => !c.zero || now.problem[c.zero] === 0))
const parametersOf = (i, program) =>
  program.parameters.map((name) => (name.startsWith("q.") ? now.problem[name] : now.methods[i][name]))
const FIRST = PROGRAMS.findIndex((cases) => cases)

function chosen(i) {
  const program = PROGRAMS[i][caseOf(i)].program
  return [program, parametersOf(i, program)]
}

function known() {
  const [, p] = chosen(FIRST)
  const { fStar, xStar } = KNOWN[caseOf(FIRST)]
  return { fStar: fStar(p)?.[0] ?? null, xStar: xStar(p) ?? [] }
}

function compute() {
  nameAll()
  const { fStar } = known()
  runs = METHODS.map((m, i) => {
    if (!PROGRAMS[i]) return asGiven() ? kept(m.run) : null
    const [program, p] = chosen(i)
    const r = run(program, now.start, p, { ...FACTS.limits, fStar })
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
  return { x: of(r.x), f: of(r.f), value: of(r.value), cost: of(r.evals), alpha, sizes: alpha.length ? 1 : 0, d: 2, n,
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

// Words and numbers ----------------------------------------------------------------------------------------------------

const counted = (n) => n.toLocaleString("en-US")
function short(v, digits = 3) {
  if (!Number.isFinite(v)) return Number.isNaN(v) ? "–" : v > 0 ? "∞" : "−∞"
  if (v === 0) return "0"
  const size = Math.abs(v)
  const text = size >= 1e-3 && size < 1e5 ? String(Number(v.toPrecision(digits))) : v.toExponential(digits - 1)
  return text.replace("e+", "e").replace("-", "−").replace("e-", "e−")
}
const escaped = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c])
const spoken = (v) => (v === Infinity ? "inf" : v === -Infinity ? "-inf" : String(v))
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, `'"'"'`)}'`)

function command() {
  const fill = (spec, values) => spec.replace(/\{([pq]\.\w+)\}/g, (_, name) => spoken(values[name]))
  const problem = fill(FACTS.spec, now.problem)
  const methods = METHODS.map((m, i) => (m.live ? fill(m.spec, now.methods[i]) : m.label))
  const words = methods.length > 1 ? ["compare", problem, ...methods] : ["run", problem, "--method", ...methods]
  words.push("--budget", String(FACTS.limits.budget))
  if (FACTS.stepsGiven) words.push("--steps", String(FACTS.stepsGiven))
  if (FACTS.limits.target) words.push("--target", String(FACTS.limits.target))
  if (FACTS.limits.gradTarget !== null) words.push("--grad-target", String(FACTS.limits.gradTarget))
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
const breakable = (name) => name.replace(/[:,+]/g, "$&\u200b") // a narrow column breaks it there
let names = []
let title = ""
function nameAll() {
  const given = initial()
  names = METHODS.map((m, i) => (m.live ? named(m.label, m.parameters, now.methods[i], given.methods[i]) : m.label))
  title = named(FACTS.problem, FACTS.parameters, now.problem, given.problem)
  document.querySelectorAll("[data-name]").forEach((e) => (e.textContent = breakable(e.dataset.name ? names[e.dataset.name] : title)))
}

// Colours --------------------------------------------------------------------------------------------------------------

let theme = {}
const rgb = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16))
function readTheme() {
  const style = getComputedStyle(document.documentElement)
  const of = (name) => style.getPropertyValue(name).trim()
  const dark = document.documentElement.dataset.theme === "dark"
  const size = parseFloat(style.fontSize)
  theme = { dark, ink: of("--ink"), quiet: of("--quiet"), line: of("--line"), paper: of("--paper"), bad: of("--bad"), size,
    font: (share = 0.88, weight = "") => `${weight} ${Math.round(size * share)}px system-ui, Helvetica, Arial, sans-serif`,
    colours: LIGHT.map((c) => (dark ? (DARK_OF[c] ?? c) : c)), map: colourMap(dark) }
  document.querySelectorAll("[data-run]").forEach((e) => e.style.setProperty("--colour", theme.colours[e.dataset.run]))
}

// Cividis, even in lightness, with low values light, as 256 pixels; mixed with the paper so that paths stand out.
function colourMap(dark) {
  const stops = CIVIDIS.map(rgb).reverse()
  const paper = dark ? [16, 20, 26] : [255, 255, 255], share = dark ? 0.58 : 0.6
  return Uint32Array.from({ length: 256 }, (_, k) => {
    const at = (k / 255) * (stops.length - 1), i = Math.min(Math.floor(at), stops.length - 2)
    const [red, green, blue] = stops[i].map((c, j) => {
      const mixed = c + (at - i) * (stops[i + 1][j] - c)
      return Math.round(paper[j] + share * (mixed - paper[j]))
    })
    return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0
  })
}

// Drawing --------------------------------------------------------------------------------------------------------------

function canvasOf(id) {
  const canvas = $(id), box = canvas.getBoundingClientRect(), ratio = devicePixelRatio || 1
  const [wide, high] = [box.width, box.height]
  const [w, h] = [Math.round(wide * ratio), Math.round(high * ratio)]
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h]
  const c = canvas.getContext("2d")
  c.setTransform(ratio, 0, 0, ratio, 0, 0)
  c.clearRect(0, 0, wide, high)
  c.lineJoin = c.lineCap = "round"
  return { canvas, c, wide, high }
}

function marker(c, kind, x, y, size) {
  c.beginPath()
  const points = [null, [[-1, -1], [1, -1], [1, 1], [-1, 1]], [[0, -1.2], [1.1, 0.9], [-1.1, 0.9]], [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]],
    [[0, 1.2], [1.1, -0.9], [-1.1, -0.9]], [[-0.6, -1], [0.6, -1], [1.2, 0], [0.6, 1], [-0.6, 1], [-1.2, 0]],
    [[-1.2, -0.5], [1.2, -0.5], [1.2, 0.5], [-1.2, 0.5]], [[-0.5, -1.2], [0.5, -1.2], [0.5, 1.2], [-0.5, 1.2]]][kind % 8]
  if (!points) c.arc(x, y, size, 0, 7)
  else points.forEach(([a, b], k) => (k ? c.lineTo(x + a * size, y + b * size) : c.moveTo(x + a * size, y + b * size)))
  c.closePath()
}

function shape(c, i, x, y, size = theme.size * 0.36) {
  marker(c, i, x, y, size)
  c.fillStyle = theme.colours[i]
  c.strokeStyle = theme.paper
  c.lineWidth = 2
  c.fill()
  c.stroke()
}

function cross(c, x, y, colour, size = theme.size * 0.36) {
  for (const [width, ink] of [[size * 1.1, theme.paper], [size * 0.55, colour]]) {
    c.beginPath()
    c.moveTo(x - size, y - size)
    c.lineTo(x + size, y + size)
    c.moveTo(x + size, y - size)
    c.lineTo(x - size, y + size)
    c.lineWidth = width
    c.strokeStyle = ink
    c.stroke()
  }
}

function star(c, x, y, size) {
  c.beginPath()
  for (let k = 0; k < 10; k++) {
    const r = k % 2 ? size * 0.42 : size, angle = (Math.PI * k) / 5 - Math.PI / 2
    c.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle))
  }
  c.closePath()
  c.fillStyle = "#f0e442"
  c.strokeStyle = "#000"
  c.lineWidth = 1.5
  c.fill()
  c.stroke()
}

// A step as far as it lies in the box, or null: the two ends, cut at its edge, never bent.
function cut(x0, y0, x1, y1, box) {
  const away = (x, y) => Math.max(Math.abs(x), Math.abs(y))
  if (away(x1, y1) < away(x0, y0)) {
    const part = cut(x1, y1, x0, y0, box) // measured from the end that is nearer, rounding does the least
    return part && [part[2], part[3], part[0], part[1]]
  }
  if (away(x0, y0) > FAR * (box.right + box.bottom)) return null
  let enters = 0, leaves = 1
  const dx = x1 - x0, dy = y1 - y0
  for (const [delta, from, low, high] of [[dx, x0, box.left, box.right], [dy, y0, box.top, box.bottom]]) {
    if (delta === 0) {
      if (from < low || from > high) return null
      continue
    }
    const a = (low - from) / delta, b = (high - from) / delta
    enters = Math.max(enters, Math.min(a, b))
    leaves = Math.min(leaves, Math.max(a, b))
  }
  if (!(enters <= leaves)) return null
  return [x0 + enters * dx, y0 + enters * dy, x0 + leaves * dx, y0 + leaves * dy]
}

// A line through points, as Path2D, with what is less than a pixel left out; also the last place in the box.
function lineThrough(n, xOf, yOf, box) {
  const path = new Path2D()
  let x = xOf(0), y = yOf(0), pen = false, last = null
  const within = (a, b) => a >= box.left && a <= box.right && b >= box.top && b <= box.bottom
  let inner = within(x, y)
  if (inner) last = [x, y]
  for (let k = 1; k < n; k++) {
    const a = xOf(k), b = yOf(k)
    const near = within(a, b)
    if (near && inner) {
      if (Math.abs(a - x) + Math.abs(b - y) < 0.6 && k < n - 1) continue
      if (!pen) path.moveTo(x, y)
      path.lineTo(a, b)
      pen = true
      last = [a, b]
    } else {
      const part = Number.isFinite(a) && Number.isFinite(b) ? cut(x, y, a, b, box) : null
      if (part) {
        path.moveTo(part[0], part[1])
        path.lineTo(part[2], part[3])
        last = [part[2], part[3]]
      }
      pen = false
    }
    x = a
    y = b
    inner = near
  }
  return { path, last }
}

// The picture of f, which is made again where the problem, the window, the size or the colours change.
const picture = { key: "", image: null, lines: null }
function makePicture(wide, high) {
  const key = JSON.stringify([now.problem, now.view, wide, high, theme.dark])
  if (picture.key === key) return
  picture.key = key
  const [[left, right], [bottom, top]] = now.view
  const columns = Math.max(40, Math.min(180, Math.round(wide / 3))), rows = Math.max(30, Math.round((columns * high) / wide))
  const [program, p] = chosen(FIRST), s = new Float64Array(program.slots)
  const values = new Float64Array(columns * rows)
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      s[0] = left + ((right - left) * i) / (columns - 1)
      s[1] = top - ((top - bottom) * j) / (rows - 1)
      values[j * columns + i] = program.f(s, p)
    }
  }
  const place = scaleOf(values, known().fStar)
  const image = new ImageData(columns, rows), pixels = new Uint32Array(image.data.buffer), level = new Float32Array(values.length)
  for (let k = 0; k < values.length; k++) {
    const t = (level[k] = place(values[k]))
    pixels[k] = theme.map[t >= 0 ? Math.round(255 * t) : 255]
  }
  picture.image = new OffscreenCanvas(columns, rows)
  picture.image.getContext("2d").putImageData(image, 0, 0)
  picture.lines = levelLines(level, columns, rows, wide, high)
}

// Where a value of f stands between the lowest and the highest, in 0 to 1: by the logarithm of f − f*, and where f* is
// unknown by its rank.
function scaleOf(values, fStar) {
  const some = values.filter((v, k) => k % 3 === 0 && Number.isFinite(v) && (fStar === null || v > fStar)).sort()
  if (!some.length) return () => NaN
  if (fStar !== null) {
    const low = Math.log(some[Math.floor(0.0006 * some.length)] - fStar), high = Math.log(some[some.length - 1] - fStar)
    return (v) => (Number.isFinite(v) ? Math.min(1, Math.max(0, (Math.log(v - fStar) - low) / (high - low || 1))) || 0 : NaN)
  }
  const ranks = Float64Array.from({ length: 65 }, (_, k) => some[Math.round((k / 64) * (some.length - 1))])
  return (v) => {
    if (!Number.isFinite(v)) return NaN
    if (v <= ranks[0]) return 0
    if (v >= ranks[64]) return 1
    let low = 0, high = 64
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (ranks[middle] <= v) low = middle
      else high = middle
    }
    return (low + (v - ranks[low]) / (ranks[high] - ranks[low])) / 64
  }
}

function levelLines(level, columns, rows, wide, high) {
  const path = new Path2D(), sx = wide / (columns - 1), sy = high / (rows - 1)
  const band = Int16Array.from(level, (t) => Math.floor(t * LEVELS))
  for (let j = 0; j + 1 < rows; j++) {
    for (let i = 0; i + 1 < columns; i++) {
      const at = j * columns + i, one = band[at]
      if (band[at + 1] === one && band[at + columns] === one && band[at + columns + 1] === one) continue
      const corner = [level[at], level[at + 1], level[at + columns + 1], level[at + columns]]
      const low = Math.min(...corner) * LEVELS, top = Math.max(...corner) * LEVELS
      for (let l = Math.floor(low) + 1; l <= top && l < LEVELS; l++) {
        const value = l / LEVELS, ends = []
        for (let k = 0; k < 4; k++) {
          const a = corner[k], b = corner[(k + 1) % 4]
          if (a < value === b < value) continue
          const share = (value - a) / (b - a)
          ends.push(k === 0 ? [i + share, j] : k === 1 ? [i + 1, j + share] : k === 2 ? [i + 1 - share, j + 1] : [i, j + 1 - share])
        }
        for (let k = 0; k + 1 < ends.length; k += 2) {
          path.moveTo(ends[k][0] * sx, ends[k][1] * sy)
          path.lineTo(ends[k + 1][0] * sx, ends[k + 1][1] * sy)
        }
      }
    }
  }
  return path
}

const drawn = {} // of each canvas, where its records stand: what the pointer finds
const visible = () => runs.map((r, i) => [r, i]).filter(([r, i]) => r && !now.hidden.has(i))

function drawPlane() {
  if (!FACTS.view) return
  const { c, wide, high } = canvasOf("plane")
  const box = { left: 0, right: wide, top: 0, bottom: high }
  makePicture(wide, high)
  c.imageSmoothingEnabled = true
  c.imageSmoothingQuality = "high"
  c.drawImage(picture.image, 0, 0, wide, high)
  c.strokeStyle = theme.dark ? "#ffffff38" : "#1d243038"
  c.lineWidth = 1
  c.stroke(picture.lines)
  const [[left, right], [bottom, top]] = now.view
  const px = (x) => ((x - left) / (right - left)) * wide, py = (y) => ((top - y) / (top - bottom)) * high
  ticksInside(c, wide, high, px, py)
  const bold = theme.size / 17
  const finish = []
  const lines = visible().filter(([r]) => r.d === 2 && r.x.length).map(([r, i]) => {
    const to = shownOf(r)
    const X = (k) => px(r.x[2 * k]), Y = (k) => py(r.x[2 * k + 1])
    const whole = to < r.n - 1 ? lineThrough(r.n, X, Y, box) : null
    return { r, i, to, X, Y, whole, past: lineThrough(to + 1, X, Y, box) }
  })
  c.strokeStyle = theme.dark ? "#10141acc" : "#ffffffcc"
  c.lineWidth = 5 * bold
  for (const { past } of lines) c.stroke(past.path)
  drawn.plane = []
  for (const { r, i, to, X, Y, whole, past } of lines) {
    if (whole) {
      c.strokeStyle = theme.colours[i] + "66"
      c.lineWidth = 1.5 * bold
      c.stroke(whole.path)
    }
    c.strokeStyle = theme.colours[i]
    c.lineWidth = 2.4 * bold
    c.stroke(past.path)
    c.fillStyle = theme.colours[i]
    let x = -99, y = -99
    for (let k = 0; k <= Math.min(to, 600); k++) {
      const a = X(k), b = Y(k)
      if (Math.abs(a - x) + Math.abs(b - y) < 9 || !(a >= 0 && a <= wide && b >= 0 && b <= high)) continue
      c.beginPath()
      c.arc(a, b, 2.8 * bold, 0, 7)
      c.fill()
      x = a
      y = b
    }
    drawn.plane.push({ i, n: to + 1, X, Y })
    const lost = r.status === "diverged" && to === r.n - 1
    const inside = X(to) >= 0 && X(to) <= wide && Y(to) >= 0 && Y(to) <= high
    finish.push(() => {
      const [a, b] = past.last ?? [-99, -99]
      if (lost) cross(c, Math.min(Math.max(a, 9), wide - 9), Math.min(Math.max(b, 9), high - 9), theme.bad, theme.size * 0.45)
      else if (inside) shape(c, i, X(to), Y(to))
      else shape(c, i, Math.min(Math.max(a, 7), wide - 7), Math.min(Math.max(b, 7), high - 7), theme.size * 0.24)
    })
  }
  const minima = known().xStar
  for (let k = 0; k + 1 < minima.length; k += 2) star(c, px(minima[k]), py(minima[k + 1]), theme.size * 0.62)
  finish.forEach((draw) => draw())
  const [sx, sy] = [px(now.start[0]), py(now.start[1])]
  c.beginPath()
  c.arc(sx, sy, theme.size * 0.5, 0, 7)
  c.fillStyle = "#ffffff"
  c.strokeStyle = "#000000"
  c.lineWidth = 2.5
  c.fill()
  c.stroke()
  $("handle").style.left = `${sx}px`
  $("handle").style.top = `${sy}px`
  $("handle").hidden = !(sx >= 0 && sx <= wide && sy >= 0 && sy <= high)
}

function niceTicks(low, high, most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough))
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough)
  const ticks = []
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) ticks.push(Math.abs(v) < step * 1e-9 ? 0 : v)
  return ticks
}

// The numbers of the plane's axes stand inside it, so that it is as large as can be.
function ticksInside(c, wide, high, px, py) {
  const [[left, right], [bottom, top]] = now.view
  c.font = theme.font(0.8)
  c.fillStyle = c.strokeStyle = theme.ink
  c.lineWidth = 1
  const told = (text, x, y) => {
    c.lineWidth = 3
    c.strokeStyle = theme.dark ? "#10141a99" : "#ffffff99"
    c.strokeText(text, x, y)
    c.fillText(text, x, y)
  }
  const tick = (...ends) => {
    c.strokeStyle = theme.ink
    c.lineWidth = 1
    c.beginPath()
    c.moveTo(ends[0], ends[1])
    c.lineTo(ends[2], ends[3])
    c.stroke()
  }
  c.textAlign = "center"
  c.textBaseline = "bottom"
  for (const v of niceTicks(left, right, Math.max(2, wide / (theme.size * 6)))) {
    if (px(v) < theme.size * 2 || px(v) > wide - theme.size * 2) continue
    tick(px(v), high - 6, px(v), high)
    told(short(v), px(v), high - 7)
  }
  c.textAlign = "left"
  c.textBaseline = "middle"
  for (const v of niceTicks(bottom, top, Math.max(2, high / (theme.size * 5)))) {
    if (py(v) < theme.size * 1.2 || py(v) > high - theme.size * 1.8) continue
    tick(0, py(v), 6, py(v))
    told(short(v), 9, py(v))
  }
  c.font = theme.font(0.9, "600")
  c.textAlign = "right"
  c.textBaseline = "bottom"
  told("w₁", wide - 8, high - 5)
  c.textAlign = "left"
  c.textBaseline = "top"
  told("w₂", 8, 6)
}

// Values by their logarithm; on both sides of 0, and evenly within `linear` around it, where some are not positive.
function axisOf(low, high, linear) {
  const place = linear ? (v) => Math.sign(v) * Math.log10(1 + Math.abs(v) / linear) : Math.log10
  const marks = [], step = (span) => Math.max(1, Math.ceil(span / 6))
  if (linear) {
    const first = Math.ceil(Math.log10(linear)), last = Math.floor(Math.log10(Math.max(Math.abs(low), Math.abs(high), linear * 10)))
    const by = step(2 * (last - first))
    marks.push(0)
    for (let e = last; e >= first; e -= by) marks.push(10 ** e, -(10 ** e))
  } else {
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9), by = step(last - first)
    for (let e = Math.ceil(first / by) * by; e <= last; e += by) marks.push(10 ** e)
    if (last - first < 2) for (let e = first - 1; e <= last; e++) marks.push(2 * 10 ** e, 5 * 10 ** e)
  }
  return { low: place(low), high: place(high), place, marks: marks.filter((v) => v >= low && v <= high) }
}

const SUPER = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" }
function markOf(v) {
  const e = Math.log10(Math.abs(v))
  if (v === 0 || Math.abs(e) < 3.5 || Math.abs(e - Math.round(e)) > 1e-9) return short(v)
  return (v < 0 ? "−" : "") + "10" + String(Math.round(e)).replace(/./g, (d) => SUPER[d])
}

// Curves against evaluations; `lists` are the curves [run, number of the run, value of a record, dash].
function drawCurves(id, title, axis, lists) {
  const { c, wide, high } = canvasOf(id)
  if (!wide) return
  const size = theme.size, narrow = wide < 24 * size
  c.font = theme.font()
  const aside = narrow ? 0 : Math.min(0.3 * wide, Math.max(...lists.map(([, i]) => c.measureText(names[i]).width), 0) + size)
  const left = size * 3.6, box = { left, right: wide - aside - size * 0.9, top: size * 1.9, bottom: high - size * 2.7 }
  const most = Math.max(1, ...runs.filter(Boolean).map((r) => r.cost[r.n - 1]))
  const px = (v) => box.left + (v / most) * (box.right - box.left)
  const py = (v) => box.bottom - ((axis.place(v) - axis.low) / (axis.high - axis.low || 1)) * (box.bottom - box.top)
  c.textBaseline = "middle"
  c.textAlign = "right"
  c.lineWidth = 1
  const places = []
  for (const v of axis.marks) {
    if (places.some((y) => Math.abs(y - py(v)) < 1.3 * size)) continue
    places.push(py(v))
    c.strokeStyle = theme.line
    c.beginPath()
    c.moveTo(box.left, py(v))
    c.lineTo(box.right, py(v))
    c.stroke()
    c.fillStyle = theme.quiet
    c.fillText(markOf(v), box.left - 6, py(v))
  }
  c.textBaseline = "top"
  c.textAlign = "center"
  for (const v of niceTicks(0, most, Math.max(2, (box.right - box.left) / (size * 7)))) {
    if (v === Math.round(v)) c.fillText(counted(v), px(v), box.bottom + 5)
  }
  c.fillText("gradient evaluations", (box.left + box.right) / 2, box.bottom + size * 1.35)
  c.textAlign = "left"
  c.fillStyle = theme.ink
  c.font = theme.font(0.95, "600")
  c.fillText(title, 4, 2)
  drawn[id] = []
  const labels = []
  for (const [r, i, valueOf, dash, faint] of lists) {
    const X = (k) => px(r.cost[k]), Y = (k) => py(valueOf(k))
    const { path, last } = lineThrough(r.n, X, Y, box)
    c.strokeStyle = theme.colours[i] + (faint ? "99" : "")
    c.lineWidth = (faint ? 1.6 : 2.6) * (size / 17)
    c.setLineDash(DASHES[dash % 8])
    c.stroke(path)
    c.setLineDash([])
    drawn[id].push({ i, n: r.n, X, Y })
    if (last && r.status === "diverged" && !faint) cross(c, ...last, theme.bad)
    const to = shownOf(r)
    if (to < r.n - 1 && Y(to) >= box.top && Y(to) <= box.bottom) shape(c, i, X(to), Y(to), size * 0.3)
    if (last && !labels.some((l) => l.i === i)) labels.push({ i, x: last[0], y: last[1] })
  }
  if (!narrow) nameCurves(c, labels, box, wide, size)
}

// Names at the ends of the curves, none upon another.
function nameCurves(c, labels, box, wide, size) {
  c.font = theme.font()
  c.textBaseline = "middle"
  c.textAlign = "left"
  labels.sort((a, b) => a.y - b.y)
  const apart = size * 1.15
  for (let k = 1; k < labels.length; k++) labels[k].y = Math.max(labels[k].y, labels[k - 1].y + apart)
  for (let k = labels.length - 1, floor = box.bottom; k >= 0; k--, floor -= apart) labels[k].y = Math.min(labels[k].y, floor)
  for (const { i, y } of labels) {
    shape(c, i, box.right + size * 0.55, y, size * 0.28)
    c.fillStyle = theme.ink
    const room = wide - box.right - size * 1.1
    let text = names[i]
    while (text.length > 3 && c.measureText(text).width > room) text = text.slice(0, -2) + "…"
    c.fillText(text, box.right + size * 1.05, y)
  }
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
  drawCurves("errors", FACTS.errorName, axis, shown.map(([r, i]) => [r, i, (k) => r.value[k], i]))
}

function drawSizes() {
  const lists = []
  let low = Infinity, high = -Infinity, least = Infinity
  for (const [r, i] of visible()) {
    for (let j = 0; j < Math.min(r.sizes, 6); j++) {
      lists.push([r, i, (k) => r.alpha[k * r.sizes + j], j || i, r.sizes > 1])
      for (let k = 1; k < r.n; k++) {
        const v = r.alpha[k * r.sizes + j]
        if (!(Math.abs(v) < 1e30)) continue
        if (v < low) low = v
        if (v > high) high = v
        if (v && Math.abs(v) < least) least = Math.abs(v)
      }
    }
  }
  $("sizes").hidden = !lists.length
  if (!lists.length) return
  if (!(least < Infinity)) [low, high, least] = [1e-3, 1, 1e-3]
  const axis = low < 0 ? axisOf(1.5 * low, 1.5 * Math.max(high, 0), 10 ** Math.floor(Math.log10(Math.max(least, 1e-4 * Math.max(high, -low)))))
    : axisOf(Math.max(least, 1e-12 * high) / 2, 2 * high)
  const several = lists.some(([r]) => r.sizes > 1)
  drawCurves("sizes", several ? "step size α (a line for each component)" : "step size α", axis, lists)
}

// The table ------------------------------------------------------------------------------------------------------------

function ended(r, i) {
  if (r.detail.startsWith(r.status)) return r.detail
  if (r.status === "diverged" && asGiven() && same(now.methods[i], initial().methods[i])) return METHODS[i].ending
  if (r.status !== "diverged") return `${r.status}: ${r.detail}`
  return `diverged at step ${counted(r.steps + 1)}`
}

function swatch(i) {
  return `<canvas class="mark" data-swatch="${i}" width="40" height="40" aria-hidden="true"></canvas>`
}

const rows = []
function makeTable() {
  $("what").textContent = known().fStar === null ? "f(w)" : "error"
  METHODS.forEach((m, i) => {
    const row = $("rows").insertRow()
    row.dataset.run = i
    row.innerHTML = `<td>${swatch(i)}<span data-name="${i}"></span></td>` + `<td class="n"></td><td></td>` + `<td class="n"></td>`.repeat(3)
    rows.push([...row.cells])
  })
}

function fillTable() {
  METHODS.forEach((m, i) => {
    const r = runs[i], [, error, end, evals, fevals, steps] = rows[i]
    rows[i][0].parentNode.classList.toggle("still", !r)
    if (!r) {
      end.className = ""
      end.textContent = "run at other settings only"
      for (const cell of [evals, fevals, steps, error]) cell.textContent = ""
      return
    }
    const last = r.n - 1
    end.className = r.status
    end.textContent = ended(r, i)
    evals.textContent = counted(r.evals[last])
    fevals.textContent = counted(r.fevals[last])
    steps.textContent = counted(r.steps)
    error.textContent = short(r.value[last])
    error.dataset.value = String(r.value[last])
  })
}

function drawSwatches() {
  for (const canvas of document.querySelectorAll("[data-swatch]")) {
    const c = canvas.getContext("2d"), i = Number(canvas.dataset.swatch)
    c.clearRect(0, 0, 40, 40)
    marker(c, i, 20, 20, 14)
    c.fillStyle = theme.colours[i]
    c.fill()
  }
}

// The controls ---------------------------------------------------------------------------------------------------------

const POSITIONS = 400
const rounded = (v) => Number(v.toPrecision(3))

function valueAt(control, position) {
  const share = position / POSITIONS, { first, last, log } = control
  let v = log ? first * (last / first) ** share : first + (last - first) * share
  v = position === 0 ? first : position === POSITIONS ? last : rounded(v)
  if (!log && Math.abs(v) < 1e-9 * (last - first)) v = 0
  return v
}

function positionOf({ first, last, log }, value) {
  const share = log ? Math.log(value / first) / Math.log(last / first) : (value - first) / (last - first)
  return Math.round(POSITIONS * Math.min(1, Math.max(0, share)))
}

function allowed({ low, high, open }, v) {
  if (!Number.isFinite(v)) return false
  if (low !== null && (open[0] ? v <= low : v < low)) return false
  return high === null || (open[1] ? v < high : v <= high)
}

const controls = [] // each shows its value again where that changed elsewhere

function addControl(parent, control, read, write) {
  const row = document.createElement("div")
  row.className = "row"
  const id = `c${controls.length}`
  const name = control.symbol ? `<i>${escaped(control.symbol)}</i> <small>${escaped(control.name)}</small>` : `<i>${escaped(control.name)}</i>`
  row.innerHTML = `<label for="${id}" title="${escaped(control.meaning)}">${name}</label>
    <input id="${id}" type="range" min="0" max="${POSITIONS}" step="1">
    <input type="number" step="any" aria-label="${escaped(`${control.symbol} ${control.name}`)}, exactly"><span class="wrong" role="alert" hidden></span>`
  const [slider, box] = row.querySelectorAll("input"), wrong = row.querySelector(".wrong")
  slider.setAttribute("aria-label", [control.symbol, control.meaning || control.name].filter(Boolean).join(" · "))
  const show = (typed) => {
    if (!typed) box.value = String(read())
    slider.value = positionOf(control, read())
    slider.setAttribute("aria-valuetext", short(read()))
    wrong.hidden = true
    box.setCustomValidity("")
  }
  const set = (v, typed) => {
    if (!allowed(control, v)) {
      wrong.textContent = `${control.name} must be ${control.range}`
      wrong.hidden = false
      box.setCustomValidity(wrong.textContent)
      return
    }
    write(v)
    show(typed)
    redraw(true)
  }
  slider.addEventListener("input", () => {
    let position = Number(slider.value)
    if (!allowed(control, valueAt(control, position))) position += position ? -1 : 1 // an end that is left out
    set(valueAt(control, position), false)
  })
  box.addEventListener("input", () => set(box.value.trim() === "" ? NaN : Number(box.value), true))
  box.addEventListener("change", () => allowed(control, Number(box.value)) || show(false))
  parent.append(row)
  controls.push(show)
  show(false)
}

function fieldset(title) {
  const set = document.createElement("fieldset")
  set.innerHTML = `<legend>${title}</legend>`
  $("controls").append(set)
  return set
}

function makeControls() {
  METHODS.forEach((m, i) => {
    const set = fieldset(`<label>${METHODS.length > 1 ? `<input type="checkbox" checked> ` : ""}${swatch(i)}<span data-name="${i}"></span></label>`)
    set.dataset.run = i
    set.querySelector("input[type=checkbox]")?.addEventListener("change", (event) => {
      if (event.target.checked) now.hidden.delete(i)
      else now.hidden.add(i)
      redraw(false)
    })
    if (!m.live) {
      set.insertAdjacentHTML("beforeend", `<p>It stands as it was run, and follows no slider: ${escaped(m.why)}.</p>`)
      return
    }
    let parent = set
    m.parameters.forEach((c, k) => {
      if (k === 3) {
        parent = document.createElement("details")
        parent.innerHTML = "<summary>more</summary>"
        set.append(parent)
      }
      addControl(parent, c, () => now.methods[i][c.input], (v) => (now.methods[i][c.input] = v))
    })
  })
  if (!FACTS.parameters.length && !FACTS.view) return
  const set = fieldset(`<span data-name=""></span>`)
  for (const c of FACTS.parameters) addControl(set, c, () => now.problem[c.input], (v) => (now.problem[c.input] = v))
  if (!FACTS.view) return
  for (const k of [0, 1]) {
    const [first, last] = FACTS.view[k]
    const c = { name: "start", symbol: k ? "w₂" : "w₁", meaning: "where all begin", first, last, log: false, low: null, high: null, open: [false, false], range: "a number" }
    addControl(set, c, () => now.start[k], (v) => (now.start[k] = v))
  }
}

// Redrawing: at most once per frame ------------------------------------------------------------------------------------

let waiting = false, anew = false
function redraw(recompute) {
  anew ||= recompute
  if (waiting) return
  waiting = true
  requestAnimationFrame(frame)
}

function frame() {
  const began = performance.now()
  if (anew) compute()
  const computed = performance.now()
  drawPlane()
  const plane = performance.now()
  drawErrors()
  drawSizes()
  const curves = performance.now()
  if (anew) {
    fillTable()
    const most = Math.max(1, ...runs.filter(Boolean).map((r) => r.cost[r.n - 1]))
    $("until").max = most
    if (until >= most) until = Infinity
    $("same").textContent = command()
    $("bits").textContent = PROGRAMS.every((cases, i) => !cases || chosen(i)[0].exact)
      ? "The runs are made in this page, to the last bit as the command makes them."
      : "The runs are made in this page; where exp, sin or powers enter, last digits may differ from the command's."
  }
  $("until").value = Math.min(until, Number($("until").max))
  $("at").textContent = `${counted(Number($("until").value))} ∇f`
  waiting = anew = false
  const ended = performance.now()
  timing = { compute: computed - began, plane: plane - computed, curves: curves - plane, rest: ended - curves, whole: ended - began }
}

// Hands ----------------------------------------------------------------------------------------------------------------

function moveStart(x, y) {
  const [[left, right], [bottom, top]] = now.view
  const digits = (low, high) => Math.max(0, 2 - Math.floor(Math.log10(high - low)))
  now.start = [Number(x.toFixed(digits(left, right))), Number(y.toFixed(digits(bottom, top)))]
  controls.forEach((show) => show(false))
  redraw(true)
}

function startAt(event) {
  const box = $("plane").getBoundingClientRect(), [[left, right], [bottom, top]] = now.view
  moveStart(left + ((event.clientX - box.left) / box.width) * (right - left), top - ((event.clientY - box.top) / box.height) * (top - bottom))
}

function zoom(factor) {
  const [x, y] = now.view.map(([low, high]) => {
    const middle = (low + high) / 2, half = ((high - low) / 2) * factor
    return [middle - half, middle + half]
  })
  now.view = [x, y]
  redraw(false)
}

function hands() {
  for (const element of [$("handle"), $("plane")]) {
    element.addEventListener("pointerdown", (event) => {
      if (event.button || (element === $("plane") && event.pointerType !== "mouse")) return
      element.setPointerCapture(event.pointerId)
      if (element === $("plane")) startAt(event)
    })
    element.addEventListener("pointermove", (event) => element.hasPointerCapture(event.pointerId) && startAt(event))
  }
  $("handle").addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key]
    if (!by) return
    event.preventDefault()
    const part = event.shiftKey ? 0.05 : 0.01, [[left, right], [bottom, top]] = now.view
    moveStart(now.start[0] + by[0] * part * (right - left), now.start[1] + by[1] * part * (top - bottom))
  })
  $("in").onclick = () => zoom(1 / 1.5)
  $("out").onclick = () => zoom(1.5)
  $("fit").onclick = () => {
    now.view = FACTS.view
    redraw(false)
  }
}

function tell(id) {
  $(id).addEventListener("pointermove", (event) => {
    const box = $(id).getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top
    let best = 18 * 18, found = null
    for (const { i, n, X, Y } of drawn[id] ?? []) {
      for (let k = 0; k < n; k++) {
        const far = (X(k) - x) ** 2 + (Y(k) - y) ** 2
        if (far < best) [best, found] = [far, [i, k]]
      }
    }
    $("tip").hidden = !found
    if (!found) return
    const [i, k] = found, r = runs[i]
    const sizes = Array.from({ length: Math.min(r.sizes, 4) }, (_, j) => short(r.alpha[k * r.sizes + j]))
    const step = METHODS[i].live ? [`step ${counted(k)}, ${counted(r.cost[k])} ∇f`] : [`${counted(r.cost[k])} ∇f`]
    const point = r.d === 2 && r.x.length ? [`w = (${short(r.x[2 * k], 6)}, ${short(r.x[2 * k + 1], 6)})`] : []
    const size = sizes.length && k ? [`α = ${sizes.join(", ")}`] : []
    $("tip").textContent = [names[i], ...step, ...point, `f = ${short(r.f[k], 6)}`, ...size].join("\n")
    const tip = $("tip").getBoundingClientRect()
    $("tip").style.left = `${Math.min(event.clientX + 16, innerWidth - tip.width - 8)}px`
    $("tip").style.top = `${Math.min(event.clientY + 16, innerHeight - tip.height - 8)}px`
  })
  $(id).addEventListener("pointerleave", () => ($("tip").hidden = true))
}

let playing = 0
function play(on) {
  cancelAnimationFrame(playing)
  playing = 0
  $("play").textContent = on ? "❚❚ Pause" : "▶ Play"
  if (!on) return
  const most = Number($("until").max)
  let at = until >= most ? 0 : until, before = performance.now()
  const tick = (time) => {
    at += (Math.max(0, time - before) / 6000) * most
    before = time
    until = at >= most ? Infinity : Math.floor(at)
    redraw(false)
    if (at >= most) play(false)
    else playing = requestAnimationFrame(tick)
  }
  playing = requestAnimationFrame(tick)
}

function restyle() {
  readTheme()
  drawSwatches()
  $("theme").setAttribute("aria-pressed", String(theme.dark))
  redraw(false)
}

$("until").addEventListener("input", () => {
  play(false)
  until = Number($("until").value) >= Number($("until").max) ? Infinity : Number($("until").value)
  redraw(false)
})
$("play").onclick = () => play(!playing)
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || event.target.matches("button, input, select, textarea, summary, a")) return
  event.preventDefault()
  play(!playing)
})
$("reset").onclick = () => {
  now = { ...initial(), hidden: now.hidden }
  until = Infinity
  controls.forEach((show) => show(false))
  redraw(true)
}
$("large").onclick = () => {
  const on = document.documentElement.classList.toggle("large")
  $("large").setAttribute("aria-pressed", String(on))
  restyle()
}
$("theme").onclick = () => {
  document.documentElement.dataset.theme = theme.dark ? "light" : "dark"
  restyle()
}
const wishes = matchMedia("(prefers-color-scheme: dark)")
wishes.addEventListener("change", () => {
  document.documentElement.dataset.theme = wishes.matches ? "dark" : "light"
  restyle()
})
document.documentElement.dataset.theme = wishes.matches ? "dark" : "light"

makeControls()
makeTable()
hands()
$("marks").innerHTML = `<b>○</b> start, drag it <b>★</b> minimum <b class="cross">✕</b> diverged`
for (const id of ["plane", "errors", "sizes"]) {
  tell(id)
  new ResizeObserver(() => redraw(false)).observe($(id))
}
anew = true
restyle()
