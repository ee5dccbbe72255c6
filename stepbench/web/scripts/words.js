// Numbers and words as they are read, and those of a command.
const counted = (n) => n.toLocaleString("en-US")
function short(v, digits = 3) {
  if (!Number.isFinite(v)) return Number.isNaN(v) ? "–" : v > 0 ? "∞" : "−∞"
  if (v === 0) return "0"
  const size = Math.abs(v)
  const text = size >= 1e-3 && size < 1e5 ? String(Number(v.toPrecision(digits))) : Number(v.toPrecision(digits)).toExponential()
  return text.replace("e+", "e").replace("-", "−").replace("e-", "e−")
}
const escaped = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c])
const spoken = (v) => (v === Infinity ? "inf" : v === -Infinity ? "-inf" : String(v))
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, `'"'"'`)}'`)
const breakable = (name) => name.replace(/[:,+]/g, "$&\u200b") // a narrow column breaks it there

const SUPER = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" }
function markOf(v) {
  const e = Math.log10(Math.abs(v))
  if (v === 0 || Math.abs(e) < 3.5 || Math.abs(e - Math.round(e)) > 1e-9) return short(v)
  return (v < 0 ? "−" : "") + "10" + String(Math.round(e)).replace(/./g, (d) => SUPER[d])
}
