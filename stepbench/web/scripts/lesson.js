// A lesson: its question comes first, then the picture. What was tried is set from its sentence.
const LESSON = FACTS.lesson

function ask() {
  asking = true
  document.body.classList.add("asking")
  $("answer").hidden = true
  for (const choice of document.querySelectorAll("[data-choice]")) {
    choice.disabled = false
    choice.removeAttribute("data-right")
    choice.setAttribute("aria-pressed", "false")
  }
  $("skip").hidden = false
  redraw(false)
}

function answer(choice) {
  asking = false
  document.body.classList.remove("asking")
  if (LESSON.question) {
    const { answer, by } = LESSON.question
    for (const one of document.querySelectorAll("[data-choice]")) {
      one.disabled = true
      one.setAttribute("aria-pressed", String(one.dataset.choice === choice))
      if (one.dataset.choice === answer) one.dataset.right = ""
    }
    $("skip").hidden = true
    const said = choice === null ? "The answer:" : choice === answer ? "Right:" : "No. The answer:"
    $("verdict").textContent = `${said} ${answer}${by ? `, by the ${by}` : ""}.`
  }
  $("answer").hidden = false
  redraw(true)
  if (typeof play === "function" && !matchMedia("(prefers-reduced-motion: reduce)").matches) play(true)
}

// Set what a sentence says, and show it.
function show({ problem, methods, start, noise }) {
  now = { ...initial(), hidden: now.hidden }
  Object.assign(now.problem, problem)
  methods.forEach((values, i) => values && Object.assign(now.methods[i], values))
  if (start) now.start = [...start]
  if (noise !== null) now.noise = noise
  restart()
  controls.forEach((show) => show(false))
  redraw(true)
}

document.querySelectorAll("[data-choice]").forEach((e) => e.addEventListener("click", () => answer(e.dataset.choice)))
document.querySelectorAll("[data-try]").forEach((e) => e.addEventListener("click", () => show(LESSON.tries[e.dataset.try])))
$("skip").onclick = () => answer(null)
$("again").onclick = () => {
  $("reset").click()
  ask()
  $("question").scrollIntoView({ block: "nearest" })
}
if (LESSON.question) ask()
else answer(null)
