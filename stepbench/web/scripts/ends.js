// Runs of which only the end is wanted.

// The settings with some values on the axes, for method i.
function withValues(set, i, values) {
  const made = { ...set, problem: { ...set.problem }, methods: set.methods.slice(), start: set.start.slice() }
  made.methods[i] = { ...set.methods[i] }
  FACTS.axes.forEach(({ inputs }, k) => {
    const input = inputs[i]
    if (input.startsWith("w.")) made.start[Number(input.slice(2))] = values[k]
    else if (input.startsWith("q.")) made.problem[input] = values[k]
    else made.methods[i][input] = values[k]
  })
  return made
}

// What a run at the settings that are set costs to the target, infinite where it was not reached; how and where it ended.
function runToItsEnd(i, start) {
  const [program, p] = chosen(i)
  const r = run(program, start, p, { ...FACTS.limits, fStar: known().fStar }, noise(), true)
  return { cost: r.status === "converged" ? r.evals[0] || r.fevals[0] : Infinity, status: r.status, x: r.x }
}

const tellBits = () => ($("bits").textContent = bits())
