// What every picture is drawn with: marks, lines that are cut at the edge of their box, and axes.
const DASHES = [[], [11, 4], [3, 3], [9, 3, 3, 3], [15, 5], [6, 3], [], [9, 5]]
const FAR = 1e9 // boxes away: where both ends of a step lie farther out, rounding decides where it would cross the box

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

const drawn = {} // of each canvas, where its records stand: what the pointer finds

function niceTicks(low, high, most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough))
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough)
  const ticks = []
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) ticks.push(Math.abs(v) < step * 1e-9 ? 0 : v)
  return ticks
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

// The frame of a picture of curves: lines at the marks of the vertical axis, and the names of both; names[i] of `labels`
// stand to the right of it, where there is room.
function panelOf(id, title, across, axis, labels) {
  const { c, wide, high } = canvasOf(id)
  const size = theme.size, narrow = wide < 24 * size
  c.font = theme.font()
  const aside = narrow ? 0 : Math.min(0.3 * wide, Math.max(...labels.map((i) => c.measureText(names[i]).width), 0) + size)
  const box = { left: size * 3.6, right: wide - aside - size * 0.9, top: size * 1.9, bottom: high - size * 2.7 }
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
  c.fillStyle = theme.quiet
  c.fillText(across, (box.left + box.right) / 2, box.bottom + size * 1.35)
  c.textAlign = "left"
  c.fillStyle = theme.ink
  c.font = theme.font(0.95, "600")
  c.fillText(title, 4, 2, wide - 4)
  c.font = theme.font()
  return { c, wide, box, py, narrow }
}

// Numbers below a panel.
function ticksBelow(c, box, ticks) {
  c.textBaseline = "top"
  c.textAlign = "center"
  c.fillStyle = theme.quiet
  for (const [x, text] of ticks) {
    const half = c.measureText(text).width / 2, edge = c.canvas.clientWidth - half - 1
    c.fillText(text, Math.min(x, edge), box.bottom + 5)
  }
}

// Tell what stands under the pointer: `words` are lines about place k of curve i.
function tell(id, words) {
  $(id).addEventListener("pointermove", (event) => {
    const box = $(id).getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top
    let best = 18 * 18, found = null
    for (const { i, n, X, Y } of drawn[id] ?? []) {
      for (let k = 0; k < n; k++) {
        const far = (X(k) - x) ** 2 + (Y(k) - y) ** 2
        if (far < best) [best, found] = [far, [i, k]]
      }
    }
    showTip(event, found && words(...found))
  })
  $(id).addEventListener("pointerleave", () => ($("tip").hidden = true))
}

function showTip(event, lines) {
  $("tip").hidden = !lines
  if (!lines) return
  $("tip").textContent = lines.join("\n")
  const tip = $("tip").getBoundingClientRect()
  $("tip").style.left = `${Math.min(event.clientX + 16, innerWidth - tip.width - 8)}px`
  $("tip").style.top = `${Math.min(event.clientY + 16, innerHeight - tip.height - 8)}px`
}
