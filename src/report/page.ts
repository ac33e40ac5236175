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

/** A picture with its name above it and below it the sentence that says what to see in it. */
export function figure(svg: string, caption: string, name = ''): string {
  const head = name === '' ? '' : `<h3>${escapeHtml(name)}</h3>`
  const foot = caption === '' ? '' : `<figcaption>${escapeHtml(caption)}</figcaption>`
  return `<figure>${head}${svg}${foot}</figure>`
}

/**
 * @param name what a screen reader says of it
 * @param rows cells as plain text; columns of numbers are set to the right, those of words may wrap
 */
export function table(
  name: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const isWords = head.map((_, at) => at > 0 && rows.some((row) => !isNumber(row[at] ?? '')))
  const mark = (at: number) => (isWords[at] ? ' class="text"' : '')
  const heads = head.map((cell, at) => `<th scope="col"${mark(at)}>${escapeHtml(cell)}</th>`)
  const lines = rows.map((row) => {
    const cells = row.map((cell, at) =>
      at === 0
        ? `<th scope="row">${escapeHtml(cell)}</th>`
        : `<td${mark(at)}>${escapeHtml(cell)}</td>`,
    )
    return `<tr>${cells.join('')}</tr>`
  })
  // A region that can be reached by keyboard, because it may have to be scrolled.
  return `<div class="scroll" role="region" aria-label="${escapeHtml(name)}" tabindex="0"><table><thead><tr>${heads.join('')}</tr></thead><tbody>${lines.join('')}</tbody></table></div>`
}

/** A figure with at most a short unit, an interval, or the dash that stands for nothing. */
function isNumber(cell: string): boolean {
  return cell === '–' || (/^[−+±~<]?\d/.test(cell) && !/[0-9a-f]{16}/.test(cell))
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
main{max-width:1040px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:22px;margin:0 0 4px}h1 small{display:block;font-size:13px;font-weight:400;color:var(--soft)}h2{font-size:17px;margin:36px 0 8px}h3{font-size:14px;margin:0 0 2px;font-weight:600}
p{margin:6px 0}.note,figcaption{color:var(--soft);font-size:13px}
h1,p,li,figcaption{overflow-wrap:anywhere}
.verdict{border:1px solid var(--line);border-left:6px solid var(--soft);border-radius:6px;background:var(--card);padding:12px 16px;margin:16px 0}
.verdict strong{font-size:20px;letter-spacing:.02em}
.VALID,.PASS{border-left-color:var(--good)}.VALID strong,.PASS strong{color:var(--good)}
.SUSPECT,.INCONCLUSIVE{border-left-color:var(--warn)}.SUSPECT strong,.INCONCLUSIVE strong{color:var(--warn)}
.INVALID,.MISSED,.REGRESSION{border-left-color:var(--bad)}.INVALID strong,.MISSED strong,.REGRESSION strong{color:var(--bad)}
ul{margin:6px 0;padding-left:20px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(128px,1fr));gap:10px;margin:16px 0}
.cards div{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:10px 12px}
.cards b{display:block;font-size:19px;font-variant-numeric:tabular-nums}.cards span{color:var(--soft);font-size:13px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid var(--line);padding:5px 8px;text-align:right;white-space:nowrap}
th:first-child,td.text,th.text{text-align:left}td.text{white-space:normal;overflow-wrap:anywhere;min-width:10ch}
th:first-child{font-weight:500;position:sticky;left:0;background:var(--bg)}thead th{color:var(--soft);font-weight:500}
figure{margin:8px 0 18px}svg{width:100%;height:auto;max-width:100%;overflow:visible;font:11px system-ui,sans-serif;color:var(--fg)}
.plot text{fill:currentColor}
.plot-grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:0 24px}.plot-grid .plot text{font-size:17px}
button{font:inherit;padding:6px 14px;border:1px solid var(--soft);border-radius:6px;background:var(--card);color:var(--fg);cursor:pointer}
button:disabled{color:var(--soft);cursor:default}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 16px;padding:0;font-size:13px;color:var(--soft)}
.legend span{print-color-adjust:exact;-webkit-print-color-adjust:exact;display:inline-block;width:14px;height:4px;border-radius:2px;margin:0 6px 3px 0}
code,pre{font:13px ui-monospace,monospace}pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:10px;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
details summary{cursor:pointer}:focus-visible{outline:2px solid var(--one);outline-offset:2px}
@media(max-width:600px){pre{font-size:11px;white-space:pre}main{padding-top:16px}.plot text{font-size:17px}th:first-child{white-space:normal;max-width:130px}}
@media print{:root{color-scheme:light;--bg:#fff;--fg:#000;--soft:#444;--line:#bbb;--card:#fff;
--one:#1f6feb;--two:#bc4c00;--three:#2da44e;--bad:#cf222e;--warn:#9a6700;--good:#1a7f37}
body{font-size:12px}table{font-size:11px}th,td{padding:3px 5px;white-space:normal}th:first-child{position:static}main{max-width:none;padding:0}
figure,.verdict,tr{break-inside:avoid}h2,h3{break-after:avoid}.scroll{overflow:visible}button{display:none}}
`
