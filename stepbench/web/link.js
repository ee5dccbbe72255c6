// The page's own address always shows what is on it.
history.replaceState(null, "", link.data.query[0])
