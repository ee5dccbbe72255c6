// Move the slider to its end in ten seconds, slowly at first: the first steps tell the most.
const SECONDS = 10
const play = cb_obj
play.label = play.active ? "❚❚ Pause" : "▶ Play"
if (play.active) {
  if (slider.value >= slider.end) slider.value = 0
  let value = slider.value
  let part = Math.cbrt(value / slider.end)
  let before = performance.now()
  const move = (now) => {
    if (!play.active) return
    if (slider.value != value) part = Math.cbrt(slider.value / slider.end) // somebody moved it meanwhile
    part = Math.min(1, part + (now - before) / 1000 / SECONDS)
    before = now
    slider.value = value = Math.round(slider.end * part ** 3)
    if (part < 1) requestAnimationFrame(move)
    else play.active = false
  }
  requestAnimationFrame(move)
}
