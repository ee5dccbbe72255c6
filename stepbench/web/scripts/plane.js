// The plane: the picture of f, made again where the problem, the window, the size or the colours change, and the paths.
const LEVELS = 16

const picture = { key: "", image: null, lines: null }
function makePicture(wide, high) {
  const key = JSON.stringify([now.problem, now.view, wide, high, theme.dark])
  if (picture.key === key) return
  picture.key = key
  const { columns, rows, values } = FACTS.values ? given() : valuesOfF(wide, high)
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

// Where f cannot be computed here, its values came with the page.
const given = () => ({ ...FACTS.values, values: numbersOf(FACTS.values.f) })

function valuesOfF(wide, high) {
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
  return { columns, rows, values }
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

let underlay = null // another picture to stand behind the paths, {image, view}, in place of that of f

function drawPlane() {
  if (!FACTS.view) return
  const { c, wide, high } = canvasOf("plane")
  const box = { left: 0, right: wide, top: 0, bottom: high }
  makePicture(wide, high)
  c.imageSmoothingEnabled = true
  c.imageSmoothingQuality = "high"
  if (!underlay) c.drawImage(picture.image, 0, 0, wide, high)
  const [[left, right], [bottom, top]] = now.view
  const px = (x) => ((x - left) / (right - left)) * wide, py = (y) => ((top - y) / (top - bottom)) * high
  if (underlay) {
    const [[from, to], [low, up]] = underlay.view
    c.imageSmoothingEnabled = false
    c.globalAlpha = theme.dark ? 0.55 : 1
    c.drawImage(underlay.image, px(from), py(up), px(to) - px(from), py(low) - py(up))
    c.globalAlpha = 1
  }
  c.strokeStyle = theme.dark ? "#ffffff38" : "#1d243038"
  c.lineWidth = 1
  c.stroke(picture.lines)
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
  $("handle").hidden = FIRST < 0 || !(sx >= 0 && sx <= wide && sy >= 0 && sy <= high)
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
