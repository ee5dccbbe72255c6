// Copy the command; a page from another machine may not use the clipboard, and copies a selection instead.
const text = link.data.command[0]
const relabel = (label) => {
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
if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => relabel("Copied"), fallback)
else fallback()
