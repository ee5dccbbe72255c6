// Space plays and pauses, wherever it means nothing else.
document.addEventListener("keydown", (event) => {
  const own = "button, input, select, textarea, summary, a"
  if (event.key !== " " || event.composedPath()[0].matches?.(own)) return
  const play = Bokeh.documents.map((page) => page.get_model_by_name("play")).find((model) => model)
  if (!play) return
  event.preventDefault()
  play.active = !play.active
})
