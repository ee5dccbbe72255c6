// Hands on the runs: the start is dragged, the window is zoomed, a record is told under the pointer, and all is played.
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
  document.querySelector(".zoom").hidden = FIRST < 0
  for (const element of FIRST < 0 ? [] : [$("handle"), $("plane")]) {
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
  $("until").addEventListener("input", () => {
    play(false)
    until = Number($("until").value) >= Number($("until").max) ? Infinity : Number($("until").value)
    redraw(false)
  })
  $("play").onclick = () => play(!playing)
  $("present")?.addEventListener("click", () => present(!document.documentElement.classList.contains("presenting")))
  const keys = { " ": () => play(!playing), ArrowRight: () => step(1), ArrowLeft: () => step(-1), p: () => $("present")?.click(),
    "+": () => faster(2), "=": () => faster(2), "-": () => faster(0.5) }
  document.addEventListener("keydown", (event) => {
    const use = keys[event.key]
    if (!use || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.target.matches("input, select, textarea") || (event.key === " " && event.target.matches("button, summary, a"))) return
    if (event.target === $("handle") && event.key.startsWith("Arrow")) return
    event.preventDefault()
    use()
  })
  $("in").onclick = () => zoom(1 / 1.5)
  $("out").onclick = () => zoom(1.5)
  $("fit").onclick = () => {
    now.view = FACTS.view
    redraw(false)
  }
}

// What is told of a record.
function ofRecord(i, k) {
  const r = runs[i]
  const sizes = Array.from({ length: Math.min(r.sizes, 4) }, (_, j) => short(r.alpha[k * r.sizes + j]))
  const step = METHODS[i].live ? [`step ${counted(k)}, ${counted(r.cost[k])} ∇f`] : [`${counted(r.cost[k])} ∇f`]
  const point = r.d === 2 && r.x.length ? [`w = (${short(r.x[2 * k], 6)}, ${short(r.x[2 * k + 1], 6)})`] : []
  const size = sizes.length && k ? [`α = ${sizes.join(", ")}`] : []
  return [names[i], ...step, ...point, `f = ${short(r.f[k], 6)}`, ...size]
}

// For an audience: the pictures alone, in large type, as large as the screen.
function present(on) {
  document.documentElement.classList.toggle("presenting", on)
  $("present").setAttribute("aria-pressed", String(on))
  $("present").textContent = on ? "Back to the settings" : "Present"
  if (on !== document.documentElement.classList.contains("large")) $("large").click()
}

// To the next record of any run that is shown, or to the one before.
function step(by) {
  play(false)
  const here = Math.min(until, Number($("until").max))
  let there = by * Infinity
  for (const [r] of visible()) {
    for (const v of r.cost.subarray(0, r.n)) if (by > 0 ? v > here && v < there : v < here && v > there) there = v
  }
  if (Number.isFinite(there)) until = there
  redraw(false)
}

let speed = 1
function faster(times) {
  speed = Math.min(64, Math.max(1 / 64, speed * times))
  play(true)
}

let playing = 0
function play(on) {
  cancelAnimationFrame(playing)
  playing = 0
  $("play").textContent = (on ? "❚❚ Pause" : "▶ Play") + (speed === 1 ? "" : ` ×${speed}`)
  if (!on) return
  const most = Number($("until").max)
  let at = until >= most ? 0 : until, before = performance.now()
  const tick = (time) => {
    at += ((Math.max(0, time - before) * speed) / 6000) * most
    before = time
    until = at >= most ? Infinity : Math.floor(at)
    redraw(false)
    if (at >= most) play(false)
    else playing = requestAnimationFrame(tick)
  }
  playing = requestAnimationFrame(tick)
}
