// Say that the server has stopped, until it is back.
{
  const listen = () => {
    const page = window.Bokeh?.documents?.[0]
    if (!page) return setTimeout(listen, 100)
    const notice = document.querySelector(".lost")
    page.on_event("connection_lost", () => (notice.hidden = false))
    page.on_event("client_reconnected", () => (notice.hidden = true))
  }
  listen()
}
