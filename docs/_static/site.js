// What the theme leaves out for those who do not see the page, or have no mouse.
addEventListener("DOMContentLoaded", () => {
  for (const caption of document.querySelectorAll(".caption[role=heading]")) caption.setAttribute("aria-level", "2")
  for (const box of document.querySelectorAll("pre")) if (box.scrollWidth > box.clientWidth) box.tabIndex = 0
})
