// Give screen readers the name of every slider and button, and its value as it is written, not as a place in a logarithm.
{
  const told = (root, name) => root.querySelector(name)?.textContent.trim()
  const set = (element, name, words) => {
    if (element && words && element.getAttribute(name) !== words) element.setAttribute(name, words)
  }
  const look = (root) => {
    for (const element of root.querySelectorAll("*")) if (element.shadowRoot) watch(element.shadowRoot)
    const handle = root.querySelector(".noUi-handle")
    const value = told(root, ".bk-slider-value")
    set(handle, "aria-valuetext", value)
    set(handle, "aria-label", told(root, ".bk-slider-title")?.replace(value, "").replace(/:\s*$/, ""))
    const box = told(root, "label")
    set(root.querySelector(".bk-spin-btn-up"), "aria-label", box && `${box}: more`)
    set(root.querySelector(".bk-spin-btn-down"), "aria-label", box && `${box}: less`)
  }
  const watched = new WeakSet()
  const watch = (root) => {
    if (watched.has(root)) return
    watched.add(root)
    const changes = { childList: true, subtree: true, characterData: true, attributeFilter: ["aria-valuetext"] }
    new MutationObserver(() => look(root)).observe(root, changes)
    look(root)
  }
  watch(document.body)
}
