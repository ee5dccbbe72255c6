// Redrawing, at most once per frame; what every page can be asked for; and the beginning. What the page shows has
// compute, draw, fill and begin: they make its runs anew, draw them, tell them in words, and set the page up.
let waiting = false, anew = false
let timing = {}
const drawers = [] // what else draws after each frame; each is told whether the settings have changed
function redraw(recompute) {
  anew ||= recompute
  if (waiting) return
  waiting = true
  requestAnimationFrame(frame)
}

function frame() {
  const began = performance.now()
  if (anew) compute()
  const computed = performance.now(), all = anew
  waiting = anew = false // what is drawn may ask to go on
  draw()
  if (all) fill()
  drawers.forEach((also) => also(all))
  timing = { compute: computed - began, whole: performance.now() - began }
}

$("reset").onclick = () => {
  now = { ...initial(), hidden: now.hidden }
  restart()
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
begin()
anew = true
restyle()
