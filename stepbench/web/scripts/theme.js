// The colours of the page, light or dark, and of the map of f.
const LIGHT = METHODS.map((m) => m.colour)
const DARK_OF = { "#0072B2": "#4aa8e8", "#D55E00": "#ff8a3d", "#009E73": "#2cc79b", "#CC79A7": "#eaa3c9", "#E69F00": "#f5b83d",
  "#56B4E9": "#a6dbff", "#000000": "#ffffff", "#8C6D31": "#cfab6b" }
const CIVIDIS = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"]

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

function swatch(i) {
  return `<canvas class="mark" data-swatch="${i}" width="40" height="40" aria-hidden="true"></canvas>`
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

function restyle() {
  readTheme()
  drawSwatches()
  $("theme").setAttribute("aria-pressed", String(theme.dark))
  redraw(false)
}
