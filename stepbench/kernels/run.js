// One run of a program that javascript.py wrote, to its end; its records are those that the engine keeps.

// A power as the C library has it, which differs from JavaScript's where the exponent is no finite number.
function power(a, b) {
  return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : Math.pow(a, b)
}

function copysign(a, b) {
  return b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a)
}

// To the nearest whole number, of two that are as near to the even one.
function rint(a) {
  const large = 2 ** 52
  if (!(Math.abs(a) < large)) return a
  return copysign(Math.abs(a) + large - large, a)
}

// Records by name: x (d numbers of each record), f, norm, evals, fevals and alpha (as many of each as there are step
// sizes); the number n of records, status and detail in the engine's words, and diverging, the first step that was not
// finite. limits has budget, steps, target, gradTarget (or null), and fStar (or null where the minimum is unknown).
// noise has the size of the noise on each gradient, and normals, d numbers of each step; it is null where there is none.
// Where only the end is wanted, there is one record, and n is still their number.
function run(program, start, parameters, limits, noise = null, ends = false) {
  const { d, sizes, at } = program
  const { budget, steps, target, gradTarget, fStar } = limits
  const s = new Float64Array(program.slots), o = new Float64Array(3 + sizes), e = new Float64Array(d)
  const flat = gradTarget ?? -Infinity
  let room = ends ? 1 : 1024
  const grow = (old, width, kind) => {
    const made = new kind(room * width)
    if (old) made.set(old)
    return made
  }
  let x, f, norm, evals, fevals, alpha
  const make = () => {
    x = grow(x, d, Float64Array)
    f = grow(f, 1, Float64Array)
    norm = grow(norm, 1, Float64Array)
    evals = grow(evals, 1, Float64Array)
    fevals = grow(fevals, 1, Float64Array)
    alpha = grow(alpha, sizes, Float64Array)
  }
  make()
  let n = 0, phase = 0, spent = 0, asked = 0, bad = 0
  const record = (square) => {
    if (n === room && !ends) {
      room *= 2
      make()
    }
    const last = ends ? 0 : n
    for (let i = 0; i < d; i++) x[last * d + i] = s[i]
    for (let k = 0; k < sizes; k++) alpha[last * sizes + k] = n ? o[3 + k] : NaN
    f[last] = s[at]
    norm[last] = Math.sqrt(square)
    evals[last] = spent
    fevals[last] = asked
    n++
  }
  const finite = (square) => {
    for (let i = 0; i < d; i++) if (!Number.isFinite(s[i])) return false
    return Number.isFinite(s[at]) && Number.isFinite(square)
  }
  const done = (status, detail) => ({ x, f, norm, evals, fevals, alpha, n, d, sizes, status, detail, diverging: bad })
  const low = () => fStar !== null && s[at] - fStar < -1e-9 * Math.max(1, Math.abs(fStar))
  const met = () => fStar !== null && s[at] - fStar <= target

  s.set(start)
  const first = program.look(s, parameters)
  program.start(s, parameters)
  record(first)
  if (!finite(first)) return done("failed", "f or its gradient is not finite at the start")
  if (low()) return done("failed", "f is below the minimum that is declared")
  if (met() || norm[0] <= flat) return done("converged", "the start meets the target")
  while (n <= steps) {
    o.fill(NaN)
    if (noise) for (let i = 0; i < d; i++) e[i] = noise.size * noise.normals[(n - 1) * d + i]
    program.phases[phase].step(s, parameters, o, e)
    if (o[2]) return done("failed", `at step ${n} ${program.phases[phase].why}`)
    spent += o[0]
    asked += o[1]
    if ((spent || asked) > budget) return done("budget", "the next step would pass the budget")
    const square = program.look(s, parameters)
    if (!finite(square)) {
      bad = n
      return done("diverged", `not finite at step ${n}`)
    }
    record(square)
    if (low()) return done("failed", "f is below the minimum that is declared")
    if (met()) return done("converged", "target met")
    if (Math.sqrt(square) <= flat) return done("converged", "gradient target met")
    if ((spent || asked) >= budget) return done("budget", "budget spent")
    phase = program.phases[phase].next
  }
  return done("budget", "steps spent")
}
