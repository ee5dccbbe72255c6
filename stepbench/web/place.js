// Stand every run at the slider's gradient evaluations: its path so far, and the point it is at.
const at = slider.value
runs.forEach((run, i) => {
  const cost = run.data.cost ?? []
  let low = 0
  let high = cost.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (cost[middle] <= at) low = middle + 1
    else high = middle
  }
  const cut = (from) => {
    const columns = Object.entries(run.data)
    return Object.fromEntries(columns.map(([name, column]) => [name, column.slice(from, low)]))
  }
  const { x, y } = lines[i].data
  const vertices = low * (x.length / cost.length || 0)
  drawn[i].data = { x: x.slice(0, vertices), y: y.slice(0, vertices) }
  past[i].data = cut(0)
  now[i].data = cut(Math.max(low - 1, 0))
})
