/** What `trace convert` says when it is done. Pure. */
import { fold } from '../base/fold.ts'
import { formatCount, formatDuration, plural } from '../base/format.ts'
import type { Conversion } from './convert.ts'

/** At most this many reasons and notes are shown; the header of the trace has them all. */
const MAX_LINES = 8

const CUT = 'note       the input has no end mark: it is still being written, or was cut off'

export function formatConversion(conversion: Conversion): string {
  const { output, rowCount, rowDigest, spanUs, imported, exported } = conversion
  const counted = plural(rowCount, 'request')
  const what =
    rowDigest === null
      ? `${counted} · ${exported?.format ?? ''}`
      : `${counted} in ${formatDuration(spanUs)} · digest ${rowDigest.slice(0, 16)}`
  const lines = [
    `${output}  ${what}`,
    ...(conversion.isWhole ? [] : [CUT]),
    ...(imported === null ? [] : importLines(imported)),
    ...(exported === null ? [] : exportLines(exported)),
    '',
  ]
  return fold(lines.join('\n'))
}

function importLines(imported: NonNullable<Conversion['imported']>): string[] {
  const blocks =
    imported.blockCount > 0 ? ` · ${formatCount(imported.blockCount)} prefix blocks` : ''
  const faults = imported.faults.map(
    ({ reason, count, firstLine }) =>
      `left out   ${plural(count, 'row')}: ${reason} (first in line ${firstLine})`,
  )
  return [
    `read as    ${imported.title}${blocks}`,
    ...faults.slice(0, MAX_LINES),
    ...imported.notes.slice(0, MAX_LINES).map((note) => `note       ${note}`),
  ]
}

function exportLines(exported: NonNullable<Conversion['exported']>): string[] {
  const skipped = [...exported.skipped].map(
    ([reason, count]) => `left out   ${plural(count, 'row')}: ${reason}`,
  )
  const lost = exported.lost.length === 0 ? [] : [`cannot hold  ${exported.lost.join(', ')}`]
  return [...skipped, ...lost, ...exported.notes.map((note) => `note       ${note}`)]
}
