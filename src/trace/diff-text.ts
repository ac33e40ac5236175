/** A difference of two traces for a person. Pure. */
import { escapeText, fold } from '../base/fold.ts'
import { formatCount, plural } from '../base/format.ts'
import { fileName } from './columns.ts'
import type { ColumnDifference, TableDifference, TraceDifference } from './diff.ts'

const MAX_VALUE_WIDTH = 24

/** Lines; the last ends with a newline. */
export function formatDifference(difference: TraceDifference): string {
  const { leftCount, rightCount, changed, onlyLeft, onlyRight, header } = difference
  const counts = `${formatCount(leftCount)} and ${formatCount(rightCount)} requests`
  const lines = [difference.isSame ? `same rows  ${counts}` : `different  ${counts}`]
  if (changed > 0) lines.push(`changed    ${plural(changed, 'request')}`)
  lines.push(...difference.columns.map(columnLine))
  if (onlyLeft.count > 0) lines.push(onlyLine('only first  ', onlyLeft))
  if (onlyRight.count > 0) lines.push(onlyLine('only second  ', onlyRight))
  for (const table of ['blocks', 'events', 'gaps', 'samples'] as const) {
    const line = tableLine(table, difference[table])
    if (line !== null) lines.push(line)
  }
  if (header.length > 0) lines.push(`header     ${header.map(fileName).join(', ')}`)
  return fold(`${lines.join('\n')}\n`)
}

function columnLine({ column, count, seq, left, right }: ColumnDifference): string {
  const values = `${shown(left)} → ${shown(right)}`
  return `  ${column.padEnd(20)} ${formatCount(count).padStart(10)}   first: seq ${seq}, ${values}`
}

function onlyLine(name: string, { count, first }: TraceDifference['onlyLeft']): string {
  return `${name}${plural(count, 'request')} · first: seq ${first.join(', ')}`
}

function tableLine(name: string, { onlyLeft, onlyRight }: TableDifference): string | null {
  if (onlyLeft + onlyRight === 0) return null
  return `${name.padEnd(10)} ${formatCount(onlyLeft)} only in the first · ${formatCount(onlyRight)} only in the second`
}

function shown(value: unknown): string {
  if (value === null) return '–'
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('hex') : plain(value)
  return text.length > MAX_VALUE_WIDTH ? `${text.slice(0, MAX_VALUE_WIDTH - 1)}…` : text
}

function plain(value: unknown): string {
  return escapeText(typeof value === 'string' ? value : `${value as number | bigint | boolean}`)
}
