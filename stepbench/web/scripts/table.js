// The table of the runs.
function ended(r, i) {
  if (r.detail.startsWith(r.status)) return r.detail
  if (r.status === "diverged" && asGiven() && same(now.methods[i], initial().methods[i])) return METHODS[i].ending
  if (r.status !== "diverged") return `${r.status}: ${r.detail}`
  return `diverged at step ${counted(r.steps + 1)}`
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
