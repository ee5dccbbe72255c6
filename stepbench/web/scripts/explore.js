// The explorer: what else can be chosen, what its server draws, and the states that the browser walks through.
const EXPLORE = FACTS.explore
let of = EXPLORE.of // the method, from 1, of which the starts' ends are drawn behind the paths; 0 for none

// The specs, as short as they were given where nothing was changed.
const calledProblem = () => (same(now.problem, initial().problem) ? FACTS.problem : problemSpec())
const called = (i) => (same(now.methods[i], initial().methods[i]) ? METHODS[i].label : specOf(i))

// The address of what is set, with some of it changed.
function query(change = {}) {
  const { problem, methods, start, budget, basins } = {
    problem: calledProblem(), methods: METHODS.map((_, i) => called(i)), start: now.start, budget: FACTS.limits.budget, basins: of, ...change }
  const pairs = [["problem", problem], ...methods.map((m) => ["method", m])]
  if (start) pairs.push(["start", start.join(",")])
  pairs.push(["budget", budget])
  if (basins) pairs.push(["basins", Math.min(basins, methods.length)])
  const plain = (text) => encodeURIComponent(text).replace(/%(3A|3D|2C|2F)/g, decodeURIComponent)
  return "?" + pairs.map(([key, value]) => `${key}=${plain(value)}`).join("&")
}
const go = (change) => location.assign(query(change))

function refuse(words) {
  const told = `<p>${escaped(words)}</p>`
  if ($("refused").innerHTML !== told) $("refused").innerHTML = told // said twice, it is not read out twice
}

// Go there unless something of it is refused: then say so, and let `back` show again what is set.
async function goIfAllowed(change, back) {
  const there = query(change)
  let page
  try {
    page = await (await fetch(there)).text()
  } catch {
    return tellStopped()
  }
  const refused = new DOMParser().parseFromString(page, "text/html").getElementById("refused").innerHTML
  if (!refused) return location.assign(there)
  $("refused").innerHTML = refused
  back()
}

// States: each change that a hand has ended is one, to which the browser's back leads.
const state = () => ({ problem: { ...now.problem }, methods: now.methods.map((m) => ({ ...m })), start: [...now.start], of })
function remember() {
  if (query() === location.search) return
  history.pushState(state(), "", query())
  lead()
}
function lead() {
  $("picture").href = `picture.png${query()}`
}
addEventListener("popstate", (event) => {
  if (!event.state) return location.reload()
  of = event.state.of
  now = { ...now, ...structuredClone(event.state) }
  $("of").value = of
  controls.forEach((show) => show(false))
  lead()
  redraw(true)
})
for (const kind of ["change", "pointerup", "keyup", "click"]) document.addEventListener(kind, () => setTimeout(remember))

// What the server draws: one question of a kind is on its way, and after it the newest.
function asker(path, show) {
  let asked = "", wanted = "", busy = false
  const next = async () => {
    if (busy || wanted === asked) return
    busy = true
    asked = wanted
    let told
    try {
      const answer = asked && (await fetch(path + asked))
      told = answer ? await answer.json() : null
    } catch {
      told = { error: "the server has stopped" }
      tellStopped()
    }
    busy = false
    if (wanted === asked || !told?.error) show(told)
    next()
  }
  return (question) => {
    wanted = question
    next()
  }
}

const tellStopped = () => refuse("The server has stopped: start stepbench explore again.")

let minima = []
const askBasins = asker("basins", (told) => {
  underlay = null
  $("legend").innerHTML = told?.legend ?? (told?.error ? `Where all starts lead is not shown: ${escaped(told.error)}.` : "")
  if (told && !told.error) {
    minima = told.minima
    underlay = { view: told.view, image: painted(told) }
  }
  redraw(false)
})
const INKS = EXPLORE.palette.map((c) => [...rgb(c), c.length > 7 ? parseInt(c.slice(7), 16) : 255])
function painted({ image, side }) {
  const numbers = atob(image), pixels = new ImageData(side, side)
  for (let row = 0; row < side; row++) {
    for (let k = 0; k < side; k++) pixels.data.set(INKS[numbers.charCodeAt((side - 1 - row) * side + k)], 4 * (row * side + k))
  }
  const made = new OffscreenCanvas(side, side)
  made.getContext("2d").putImageData(pixels, 0, 0)
  return made
}

let ends = null
const askEnds = asker("sensitivity", (told) => {
  ends = told
  redraw(false)
})

// The final error against the step size, and where the slider stands.
const CURRENT = () => Math.max(of - 1, 0)
function drawEnds() {
  const i = CURRENT(), facts = METHODS[i], lr = facts.parameters?.find((c) => c.name === "lr")
  $("ends").hidden = !ends
  if (!ends || !$("ends").clientWidth) return
  const finite = ends.error ? [] : ends.ends.filter((v) => v !== null), { first } = ends
  const least = Math.min(...finite.filter((v) => v > 0)), negative = finite.some((v) => v < 0)
  const axis = ends.error ? axisOf(0.1, 1)
    : negative ? axisOf(1.2 * Math.min(...finite), 1.2 * Math.max(...finite, first), Math.max(Math.abs(first), 1e-300))
    : axisOf(10 ** Math.floor(Math.log10(Math.max(Math.min(least, first), 1e-17 * first))), 3 * first)
  const { c, box, py } = panelOf("ends", `${negative ? "final f" : "final error"} for each step size α of ${names[i]}`, ends.error ?? "step size α", axis, [])
  drawn.ends = []
  if (ends.error) return
  const { sizes } = ends, low = Math.log10(sizes[0]), high = Math.log10(sizes[sizes.length - 1])
  const px = (v) => box.left + ((Math.log10(v) - low) / (high - low)) * (box.right - box.left)
  ticksBelow(c, box, axisOf(sizes[0], sizes[sizes.length - 1]).marks.map((v) => [px(v), markOf(v)]))
  const height = (v) => Math.min(Math.max(py(v > 0 || negative ? v : 1e-300), box.top), box.bottom)
  c.strokeStyle = theme.colours[i]
  c.lineWidth = 2.6 * (theme.size / 17)
  c.beginPath()
  ends.ends.forEach((v, k) => v !== null && ((k && ends.ends[k - 1] !== null) ? c.lineTo(px(sizes[k]), height(v)) : c.moveTo(px(sizes[k]), height(v))))
  c.stroke()
  ends.ends.forEach((v, k) => v === null && cross(c, px(sizes[k]), box.top + theme.size * 0.5, theme.bad, theme.size * 0.2))
  const size = lr && now.methods[i][lr.input]
  if (!(size >= sizes[0] && size <= sizes[sizes.length - 1])) return
  c.setLineDash([4, 3])
  c.strokeStyle = theme.quiet
  c.lineWidth = 1.5
  c.beginPath()
  c.moveTo(px(size), box.top)
  c.lineTo(px(size), box.bottom)
  c.stroke()
  c.setLineDash([])
  const r = runs[i]
  if (r && r.status !== "diverged" && r.status !== "failed") shape(c, i, px(size), height(r.value[r.n - 1]))
}

// After each drawing: what depends on the settings and on the window is asked for again, if they have changed.
let viewed = now.view
drawers.push((anew) => {
  drawEnds()
  if (!anew && now.view === viewed) return
  viewed = now.view
  const i = CURRENT(), one = { methods: [specOf(i)], basins: 0 }
  const more = `&view=${now.view.map((side) => side.join(",")).join(";")}&minima=${minima.map((w) => w.join(",")).join(";")}`
  askBasins(of ? query({ ...one, start: null, budget: 1 }) + encodeURI(more) : "")
  const lr = METHODS[i].parameters?.find((c) => c.name === "lr"), own = lr && now.methods[i][lr.input]
  if (lr) now.methods[i][lr.input] = lr.value // the curve does not depend on where the slider stands
  askEnds(lr ? query({ ...one, methods: [specOf(i)] }) : "")
  if (lr) now.methods[i][lr.input] = own
})

// Choices: each leads to another page.
const select = (id, use) => $(id).addEventListener("change", () => use($(id).value))
$("of").innerHTML = `<option value="0">level lines of f</option>` + METHODS.map((m, i) => `<option value="${i + 1}">where all starts lead with ${escaped(m.label)}</option>`).join("")
$("of").value = of
select("of", (value) => {
  of = Number(value)
  redraw(true)
})
select("problem", (problem) => go({ problem, start: null }))
select("budget", (text) => {
  const budget = Number(text), { most } = EXPLORE
  if (Number.isInteger(budget) && budget >= 1 && budget <= most.budget) return go({ budget })
  refuse(`A budget here is an integer from 1 to ${counted(most.budget)}.`)
  $("budget").value = FACTS.limits.budget
})
$("question").addEventListener("change", () => {
  const asked = EXPLORE.questions[$("question").selectedIndex - 1]
  if (asked) location.assign(`?${asked}`)
})

document.querySelectorAll("fieldset[data-run]").forEach((set, i) => {
  const parts = $("parts").content.cloneNode(true)
  const [direction, rule] = parts.querySelectorAll("select"), spec = parts.querySelector("input"), remove = parts.querySelector("button")
  const [direct, size] = EXPLORE.parts[i]
  rule.innerHTML = EXPLORE.rules.map((name) => `<option>${escaped(name)}</option>`).join("")
  rule.hidden = !size
  const show = () => {
    direction.value = direct
    rule.value = size ?? EXPLORE.rules[0]
    spec.value = called(i)
  }
  const change = (method) => goIfAllowed({ methods: METHODS.map((_, k) => (k === i ? method : called(k))), basins: of && i + 1 }, show)
  const wholes = new Set([...direction.querySelectorAll("optgroup:not(:first-child) option")].map((o) => o.value))
  const join = () => change(wholes.has(direction.value) ? direction.value : `${direction.value}+${rule.value}`)
  direction.addEventListener("change", join)
  rule.addEventListener("change", join)
  show()
  spec.addEventListener("change", () => change(spec.value.trim()))
  drawers.push((anew) => anew && document.activeElement !== spec && (spec.value = called(i)))
  remove.disabled = METHODS.length === 1
  remove.addEventListener("click", () => {
    const methods = METHODS.map((_, k) => called(k)).filter((_, k) => k !== i)
    go({ methods, basins: Math.min(of, methods.length) })
  })
  set.querySelector("legend").after(parts)
})
const add = document.createElement("button")
add.id = "add"
add.type = "button"
add.textContent = "+ add a method"
add.disabled = METHODS.length === EXPLORE.most.methods
add.addEventListener("click", () => go({ methods: [...METHODS.map((_, i) => called(i)), "adam"] }))
document.querySelectorAll("fieldset[data-run]")[METHODS.length - 1].after(add)

document.querySelector(".scrub").insertAdjacentHTML("afterend", `<p id="legend"></p>`)
document.querySelector(".curves").insertAdjacentHTML("beforeend",
  `<canvas id="ends" role="img" aria-label="The final error against the step size"></canvas>`)
new ResizeObserver(() => redraw(false)).observe($("ends"))

$("copy").onclick = async () => {
  const text = $("same").textContent
  try {
    await navigator.clipboard.writeText(text)
  } catch { // a page from another machine may not use the clipboard, and copies a selection instead
    getSelection().selectAllChildren($("same"))
    document.execCommand("copy")
  }
  $("copy").textContent = "Copied"
  setTimeout(() => ($("copy").textContent = "Copy the command"), 1500)
}

// What is chosen for the eye stays on the next page.
const eyes = () => JSON.stringify({ dark: theme.dark, large: $("large").ariaPressed === "true", present: $("present").ariaPressed === "true" })
const before = JSON.parse(sessionStorage.getItem("eyes") ?? "null")
if (before) {
  document.documentElement.dataset.theme = before.dark ? "dark" : "light"
  if (before.large) $("large").click()
  if (before.present) $("present").click()
}
addEventListener("pagehide", () => sessionStorage.setItem("eyes", eyes()))

history.replaceState(state(), "", query())
lead()
restyle()
redraw(true)
