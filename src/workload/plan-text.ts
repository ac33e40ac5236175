/** A plan as a person reads it, as JSON, and row by row as CSV. Pure. */
import { fold } from '../base/fold.ts'
import { formatCount, formatDuration, formatShare, significant } from '../base/format.ts'
import { alignedTable } from './aligned-table.ts'
import type { LoadFigures } from './load-figures.ts'
import type { PlanAccount } from './plan-account.ts'
import type { Plan, PlanStep } from './plan.ts'

const LOAD_HEADINGS = ['', 'requests', 'span', 'rate', 'CV', 'IDC 1/10/60 s']
const TOKEN_HEADINGS = ['', 'prompt p50/p99', 'output p50/p99', 'prefix']

export function formatPlan(account: PlanAccount): string {
  const { plan, steps } = account
  const loads = steps.map((step) => [stepText(step), ...loadCells(step.figures)])
  const tokens = steps
    .map((step) => [stepText(step), ...tokenCells(step.figures)])
    .filter((cells, index, all) => cells.slice(1).join() !== all[index - 1]?.slice(1).join())
  const lines = [
    ...alignedTable([LOAD_HEADINGS, ...loads]),
    '',
    ...alignedTable([TOKEN_HEADINGS, ...tokens]),
    `tokens, at steps that change them · prefix: of an endless cache, blocks of ` +
      formatCount(account.blockTokens),
    '',
    ...noteLines(account),
    `schedule   ${plan.sha256}`,
    `${LABEL_PAD}SHA-256 of it · seed ${plan.seed}`,
  ]
  return fold(`${lines.join('\n')}\n`)
}

const LABEL_PAD = ' '.repeat(11)

function loadCells(figures: LoadFigures): string[] {
  const { dispersion } = figures
  return [
    formatCount(figures.count),
    formatDuration(figures.spanUs),
    `${number(figures.ratePerSec)}/s`,
    number(figures.gapCv),
    [dispersion.at1s, dispersion.at10s, dispersion.at60s].map(number).join('/'),
  ]
}

function tokenCells({ promptTokens, outputTokens, prefixShare }: LoadFigures): string[] {
  return [
    `${formatCount(promptTokens.p50)}/${formatCount(promptTokens.p99)}`,
    `${formatCount(outputTokens.p50)}/${formatCount(outputTokens.p99)}`,
    prefixShare === null ? '–' : formatShare(prefixShare),
  ]
}

/** A dash where there were too few rows to say. */
function number(value: number): string {
  return Number.isFinite(value) ? significant(value, 3) : '–'
}

/** 'speed 2x', 'jitter 20 ms uniform', 'rate drift'. */
function stepText({ name, arguments: values }: PlanStep): string {
  if (name === 'rate scale') return `rate scale ${String(values['factor'])}x`
  if (name === 'loop') return `loop ${String(values['loop'])} times`
  if (name === 'max gap' || name === 'dequantise') {
    return `${name} ${formatDuration((values['maxGapUs'] ?? values['quantumUs']) as number)}`
  }
  if (name === 'shard') return `shard ${Number(values['index']) + 1}/${String(values['count'])}`
  if (name === 'speed') return `speed ${String(values['speed'])}x`
  if (name === 'jitter') {
    return `jitter ${formatDuration(values['widthUs'] as number)} ${String(values['shape'])}`
  }
  return name
}

function noteLines(account: PlanAccount): string[] {
  const { plan, hangUps, failedInSource, sizesEstimated, quantumUs } = account
  const skipped = Object.entries(plan.skipped).map(
    ([reason, count]) => `${formatCount(count)} ${reason}`,
  )
  const hungUp = hangUps.waited + hangUps.counted
  const marks = [
    hungUp > 0 &&
      `${formatCount(hungUp)} hung up (${formatCount(hangUps.waited)} by time, ` +
        `${formatCount(hangUps.counted)} by tokens)`,
    failedInSource > 0 && `${formatCount(failedInSource)} failed in the source, sent all the same`,
    sizesEstimated > 0 && `${formatCount(sizesEstimated)} with estimated sizes`,
  ].filter((mark) => mark !== false)
  return [
    ...(marks.length > 0 ? [`of these   ${marks.join(' · ')}`] : []),
    ...(skipped.length > 0 ? [`left out   ${skipped.join(' · ')}`] : []),
    ...(quantumUs === null
      ? []
      : [`times      whole multiples of ${formatDuration(quantumUs)}: --dequantise spreads them`]),
    ...(account.isFine ? ['times      not coarse: --dequantise moved nothing'] : []),
    ...eventLines(plan),
  ]
}

/** More lines than this say no more. */
const MAX_EVENT_LINES = 8

function eventLines({ events }: Plan): string[] {
  const lines = events.slice(0, MAX_EVENT_LINES).map(({ atUs, kind, detail }) => {
    const { text } = JSON.parse(detail) as { text: string }
    return `${kind.padEnd(11)}${text}: begins at ${formatDuration(atUs)} on the clock sent`
  })
  const restCount = events.length - lines.length
  return restCount > 0 ? [...lines, `${LABEL_PAD}and ${formatCount(restCount)} more`] : lines
}

/** @returns one JSON document with the same figures; NaN becomes null */
export function planJson(account: PlanAccount): string {
  const { plan, series: _, ...rest } = account
  const { columns: __, blocks, shapes, sessions, ...summary } = plan
  const counts = { blocks: blocks.id.length, shapes: shapes.length, sessions: sessions.length }
  return `${JSON.stringify({ ...summary, ...counts, ...rest }, null, 2)}\n`
}
