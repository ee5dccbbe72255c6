// The controls: sliders and boxes for the methods, the problem and the start.
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
      if (m.why) set.insertAdjacentHTML("beforeend", `<p>It stands as it was run, and follows no slider: ${escaped(m.why)}.</p>`)
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
  if (!FACTS.parameters.length && (!FACTS.view || FIRST < 0) && !NORMALS) return
  const set = fieldset(`<span data-name=""></span>`)
  for (const c of FACTS.parameters) addControl(set, c, () => now.problem[c.input], (v) => (now.problem[c.input] = v))
  if (NORMALS) addControl(set, FACTS.noise.control, () => now.noise, (v) => (now.noise = v))
  if (!FACTS.view || FIRST < 0) return
  for (const k of [0, 1]) {
    const [first, last] = FACTS.view[k]
    const c = { name: "start", symbol: k ? "w₂" : "w₁", meaning: "where all begin", first, last, log: false, low: null, high: null, open: [false, false], range: "a number" }
    addControl(set, c, () => now.start[k], (v) => (now.start[k] = v))
  }
}

