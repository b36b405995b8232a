"""The home page: one piece of HTML, with neither scripts nor assets from elsewhere."""

from collections.abc import Sequence
from html import escape
from string import Template

from notes.deployment import Deployment
from notes.models import Note

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>notes</title>
<link rel="icon" href="data:,">
<style>
  :root { --ink: #1c2430; --soft: #64707f; --line: #dfe4ea; --paper: #fbfbf9; --card: #fff; --accent: #0f766e; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e6e9ee; --soft: #97a3b1; --line: #2b333d; --paper: #12161b; --card: #1a2027; --accent: #5eead4; }
  }
  * { box-sizing: border-box; }
  body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
  main { max-width: 42rem; margin: 0 auto; padding: 4rem 1.25rem 3rem; }
  h1 { margin: 0; font-size: 2.25rem; letter-spacing: -.02em; }
  p.lead { margin: .25rem 0 2rem; color: var(--soft); }
  dl { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 0 2rem; }
  dl div { flex: 1 1 8rem; padding: .75rem 1rem; background: var(--card); }
  dl div { border: 1px solid var(--line); border-radius: .6rem; }
  dt { font-size: .75rem; color: var(--soft); }
  dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
  ul { list-style: none; margin: 0 0 2rem; padding: 0; border-top: 1px solid var(--line); }
  li { padding: .7rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; white-space: pre-line; }
  time { display: block; font-size: .8rem; color: var(--soft); }
  code { font: .875em ui-monospace, monospace; }
  a { color: var(--accent); }
  footer { color: var(--soft); font-size: .875rem; }
</style>
</head>
<body>
<main>
  <h1>notes</h1>
  <p class="lead">Served by FastAPI, deployed with homeport.</p>
  <dl>
    <div><dt>Notes</dt><dd>$count</dd></div>
    <div><dt>Release</dt><dd>$release</dd></div>
    <div><dt>Slot</dt><dd>$slot</dd></div>
    <div><dt>Worker</dt><dd>$pid</dd></div>
  </dl>
  <ul>
$items
  </ul>
  <footer>
    Add one: <code>curl --json '{"text": "hello"}' …/notes</code> ·
    <a href="docs">API</a> · <a href="health">health</a> · <a href="whoami">whoami</a>
  </footer>
</main>
</body>
</html>
""")


def render(latest: Sequence[Note], count: int, here: Deployment) -> str:
    """Return the page; every text from outside is escaped."""
    return PAGE.substitute(
        count=count,
        release=escape(here.release or "none"),
        slot=escape(here.slot or "none"),
        pid=here.pid,
        items="\n".join(map(_item, latest)) or "    <li>Nothing yet.</li>",
    )


def _item(note: Note) -> str:
    return f"    <li>{escape(note.text)}<time>{note.created_at:%Y-%m-%d %H:%M} UTC</time></li>"
