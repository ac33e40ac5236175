/** One HTML page without network: its frame, its style, and safe ways to put text into it. Pure. */

export type Section = Readonly<{ title: string; body: string; note?: string }>

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

/** @param body already HTML */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body><main>
${body}
</main></body>
</html>
`
}

export function section({ title, body, note }: Section): string {
  const foot = note === undefined ? '' : `<p class="note">${escapeHtml(note)}</p>`
  return `<section><h2>${escapeHtml(title)}</h2>${foot}${body}</section>`
}

/** A picture with the sentence that says what to see in it. */
export function figure(svg: string, caption: string): string {
  return `<figure>${svg}<figcaption>${escapeHtml(caption)}</figcaption></figure>`
}

/** @param rows cells as plain text; those that hold a number are set to the right */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return `<div class="scroll" tabindex="0"><table><thead><tr>${head
    .map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`)
    .join(
      '',
    )}</tr></thead><tbody>${rows.map((row) => `<tr>${cells(row)}</tr>`).join('')}</tbody></table></div>`
}

function cells(row: readonly string[]): string {
  return row
    .map((cell, index) =>
      index === 0 ? `<th scope="row">${escapeHtml(cell)}</th>` : `<td>${escapeHtml(cell)}</td>`,
    )
    .join('')
}

/** Names with their colours, in the order of the picture. */
export function legend(entries: readonly (readonly [colour: string, name: string])[]): string {
  const items = entries.map(
    ([colour, name]) => `<li><span style="background:${colour}"></span>${escapeHtml(name)}</li>`,
  )
  return `<ul class="legend">${items.join('')}</ul>`
}

const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--soft:#5b6570;--line:#d8dee4;--card:#f6f8fa;
--one:#1f6feb;--two:#bc4c00;--three:#2da44e;--bad:#cf222e;--warn:#9a6700;--good:#1a7f37}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--soft:#9198a1;--line:#30363d;--card:#161b22;
--one:#58a6ff;--two:#f0883e;--three:#3fb950;--bad:#ff7b72;--warn:#d29922;--good:#3fb950}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
main{max-width:920px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:22px;margin:0 0 4px}h2{font-size:17px;margin:36px 0 8px}
p{margin:6px 0}.note,figcaption{color:var(--soft);font-size:13px}
.verdict{border:1px solid var(--line);border-left:6px solid var(--soft);border-radius:6px;background:var(--card);padding:12px 16px;margin:16px 0}
.verdict strong{font-size:20px;letter-spacing:.02em}
.VALID,.PASS{border-left-color:var(--good)}.VALID strong,.PASS strong{color:var(--good)}
.SUSPECT,.INCONCLUSIVE{border-left-color:var(--warn)}.SUSPECT strong,.INCONCLUSIVE strong{color:var(--warn)}
.INVALID,.MISSED,.REGRESSION{border-left-color:var(--bad)}.INVALID strong,.MISSED strong,.REGRESSION strong{color:var(--bad)}
ul{margin:6px 0;padding-left:20px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:16px 0}
.cards div{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:10px 12px}
.cards b{display:block;font-size:19px;font-variant-numeric:tabular-nums}.cards span{color:var(--soft);font-size:13px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid var(--line);padding:5px 8px;text-align:right;white-space:nowrap}
th:first-child,td.text{text-align:left;font-weight:500}thead th{color:var(--soft);font-weight:500}
figure{margin:8px 0 18px}svg{width:100%;height:auto;max-width:100%;overflow:visible;font:11px system-ui,sans-serif;color:var(--fg)}
.plot text{fill:currentColor}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 16px;padding:0;font-size:13px;color:var(--soft)}
.legend span{display:inline-block;width:14px;height:4px;border-radius:2px;margin:0 6px 3px 0}
code,pre{font:13px ui-monospace,monospace}pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:10px;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
details summary{cursor:pointer}:focus-visible{outline:2px solid var(--one);outline-offset:2px}
@media print{:root{--bg:#fff;--fg:#000;--soft:#444;--line:#bbb;--card:#fff}main{max-width:none;padding:0}section,figure,.verdict{break-inside:avoid}.scroll{overflow:visible}details>*{display:block}}
`
