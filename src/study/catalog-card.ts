/** One card of the catalogue, read with distrust and shown in a page of text. Pure. */
import { TraceError } from '../base/errors.ts'
import { fold } from '../base/fold.ts'
import { formatBytes, formatCount } from '../base/format.ts'

export type CatalogCard = Readonly<{
  catalogVersion: 1
  name: string
  uri: string
  /** Of the file. */
  sha256: string
  sizeBytes: number
  /** Of the rows; null where the file had none. */
  rowDigest: string | null
  /** Day, UTC. */
  added: string
  kind: string
  policy: string
  transforms: readonly string[]
  signedBy: readonly string[]
  licence: string | null
  note: string | null
  figures: Readonly<Record<string, number>>
}>

const TEXTS = ['name', 'uri', 'sha256', 'added', 'kind', 'policy'] as const
const TEXTS_OR_NULL = ['rowDigest', 'licence', 'note'] as const
const LISTS = ['transforms', 'signedBy'] as const

/** @throws TraceError TRACE_UNREADABLE naming the file and the first wrong field */
export function parseCard(path: string, text: string): CatalogCard {
  const card = recordOf(path, text)
  const isCard = card['catalogVersion'] === 1
  if (!isCard) throw unreadable(path, 'is no card of a version that is known here')
  for (const name of TEXTS) {
    if (typeof card[name] !== 'string') throw unreadable(path, `has no ${name}`)
  }
  for (const name of TEXTS_OR_NULL) {
    if (card[name] !== null && typeof card[name] !== 'string')
      throw unreadable(path, `has no ${name}`)
  }
  for (const name of LISTS) {
    const list = card[name]
    const isTexts = Array.isArray(list) && list.every((item) => typeof item === 'string')
    if (!isTexts) throw unreadable(path, `has no ${name}`)
  }
  if (!/^[0-9a-f]{64}$/.test(String(card['sha256']))) throw unreadable(path, 'has no sha256')
  if (!Number.isSafeInteger(card['sizeBytes'])) throw unreadable(path, 'has no sizeBytes')
  const figures = card['figures']
  const isNumbers =
    typeof figures === 'object' &&
    figures !== null &&
    Object.values(figures).every((value) => Number.isFinite(value))
  if (!isNumbers) throw unreadable(path, 'has no figures')
  return card as unknown as CatalogCard
}

function recordOf(path: string, text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Falls through: V8's own message would quote the file.
  }
  throw unreadable(path, 'is no JSON object')
}

function unreadable(path: string, reason: string): TraceError {
  return new TraceError('TRACE_UNREADABLE', `${path} ${reason}`, {
    hint: 'Cards are written by `trace catalog add`.',
  })
}

export function formatCardList(cards: readonly CatalogCard[], directory: string): string {
  if (cards.length === 0) return `${directory} has no cards: trace catalog add FILE --uri ADDRESS\n`
  const rows = cards.map((card) => [
    shown(card.name),
    formatCount(card.figures['requests'] ?? 0),
    `${formatCount(card.figures['rate_per_s'] ?? 0, 2)}/s`,
    `${formatCount(card.figures['input_p50'] ?? 0)} → ${formatCount(card.figures['output_p50'] ?? 0)}`,
    shown(card.licence ?? ''),
    shown(card.added),
  ])
  const head = ['name', 'requests', 'rate', 'in → out p50', 'licence', 'added']
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return `${[head, ...rows].map(line).join('\n')}\n`
}

export function formatCard(card: CatalogCard): string {
  const figures = Object.entries(card.figures).map(
    ([name, value]) => `  ${shown(name).padEnd(18)}${formatCount(value, 4)}`,
  )
  const signed = card.signedBy.length === 0 ? 'nobody' : card.signedBy.map(shown).join(', ')
  const lines = [
    `${shown(card.name)}  ${shown(card.kind)} · ${shown(card.policy)} · added ${shown(card.added)}`,
    ...(card.note === null ? [] : [`  ${shown(card.note)}`]),
    `  ${shown(card.uri)}`,
    `  ${formatBytes(card.sizeBytes)} · sha256 ${card.sha256}`,
    `  rows ${shown(card.rowDigest ?? 'without a digest')} · signed by ${signed}`,
    `  licence ${shown(card.licence ?? 'not stated')} · transforms ${card.transforms.map(shown).join(', ') || 'none'}`,
    ...figures,
    '',
  ]
  return fold(lines.join('\n'))
}

/** Text of a foreign file on a terminal: no control characters, and no page of it. */
function shown(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, 400)
}
