// Copy the command; a page from another machine has no clipboard of its own, and selects instead.
const text = link.data.command[0]
const told = (label) => {
  cb_obj.origin.label = label
  setTimeout(() => (cb_obj.origin.label = "Copy the command"), 1500)
}
const fallback = () => {
  const box = document.createElement("textarea")
  box.value = text
  document.body.append(box)
  box.select()
  document.execCommand("copy")
  box.remove()
}
if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => told("Copied"), fallback)
else fallback()
