// The value that stands here, as a power of ten where it is one.
const value = linear === null ? 10 ** tick : Math.sign(tick) * linear * (10 ** Math.abs(tick) - 1)
if (Math.abs(tick) < 1e-9 && linear !== null) return "0"
const power = Math.floor(Math.log10(Math.abs(value)) + 1e-6)
if (power >= -4 && power <= 3) return String(Number(value.toPrecision(2))).replace("-", "−")
const digit = Number((value / 10 ** power).toPrecision(2))
const raised = [...String(power)].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("")
return (digit === 1 ? "" : digit === -1 ? "−" : digit + "·") + "10" + raised
