/** A card as one page with pictures. Pure. */
import { CARD_TITLES, UNCHANGED, type Card } from './card.ts'
import { inspectionSections } from './inspection-page.ts'
import type { Inspection } from './inspection.ts'
import { escapeHtml, page, section, table } from './page.ts'

export function cardPage(card: Card, inspection: Inspection): string {
  const { title, facts, figures, origin, steps, limits, commands } = card
  const done =
    steps.length === 0
      ? `<p>${UNCHANGED}</p>`
      : table(
          CARD_TITLES.steps,
          ['step', 'with'],
          steps.map(({ name, given }) => [name, given]),
        )
  return page(
    `${title} · trace card`,
    [
      `<h1>${escapeHtml(title)}</h1>`,
      table('The trace', ['what', 'value'], facts),
      section({ title: CARD_TITLES.origin, body: list(origin) }),
      section({ title: CARD_TITLES.steps, body: done }),
      section({ title: CARD_TITLES.limits, body: list(limits) }),
      section({ title: 'Figures', body: `<pre>${escapeHtml(figures)}</pre>` }),
      ...inspectionSections(inspection).map(section),
      section({
        title: CARD_TITLES.commands,
        body: `<pre>${escapeHtml(commands.join('\n'))}</pre>`,
      }),
    ].join('\n'),
  )
}

function list(lines: readonly string[]): string {
  return `<ul>${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>`
}
