/** Reports of runs at the edge: nothing in them, nothing good in them, or names that nobody expects. */
import { describe, expect, test } from 'vitest'
import { reportCsv } from '../../src/report/csv.ts'
import { reportJunit } from '../../src/report/junit.ts'
import { reportMarkdown } from '../../src/report/markdown.ts'
import { parseObjectives } from '../../src/report/objective.ts'
import { reportPage } from '../../src/report/report-page.ts'
import { formatReport } from '../../src/report/report-text.ts'
import { buildReport } from '../../src/report/report.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

type Rows = Partial<RequestRow>[]

const answered = (count: number, extra: Partial<RequestRow> = {}): Rows =>
  Array.from({ length: count }, (_, seq) => ({
    atUs: seq * 20_000,
    sourceSeq: seq,
    lagUs: 60,
    stream: true,
    outcome: 'ok',
    promptTokens: 50,
    outputTokens: 3,
    tokenSource: 'server',
    ttftUs: 90_000 + (seq % 7) * 1_000,
    e2eUs: 130_000,
    ...extra,
  }))

const NAMES = ['x'.repeat(300), '\u202Eevil\u0000\u001b[2J', '模型🦙', '<b onclick=x>"\'&', 'a|b`c']

const RUNS: Record<string, { rows: Rows; verdict: RegExp }> = {
  'no request at all': { rows: [], verdict: /./ },
  'one request': { rows: answered(1), verdict: /./ },
  'two requests at one instant': { rows: answered(2, { atUs: 0 }), verdict: /./ },
  'no request that was answered': {
    rows: answered(300, { outcome: 'http_error', status: 500, ttftUs: null, e2eUs: null }),
    verdict: /SUSPECT|INVALID/,
  },
  'every send late by a second': { rows: answered(300, { lagUs: 1_000_000 }), verdict: /INVALID/ },
  'names that nobody expects': {
    rows: answered(300).map((row, seq) => ({
      ...row,
      model: NAMES[seq % NAMES.length]!,
      tenant: NAMES[(seq + 1) % NAMES.length]!,
    })),
    verdict: /./,
  },
}

test('tokens of requests that were not sent are no throughput', async () => {
  const left = answered(3, { outcome: 'not_sent', ttftUs: null, e2eUs: null, outputTokens: null })
  const trace = unsavedTrace({ kind: 'replayed', requests: left })
  const report = await buildReport(trace, null, { objectives: [], profile: null })
  expect(report.side.tokens.prompt).toBe(0)
  expect(formatReport(report)).toContain('0 prompt tokens/s')
})

describe.each(Object.entries(RUNS))('%s', (_, { rows, verdict }) => {
  const made = buildReport(unsavedTrace({ kind: 'replayed', requests: rows }), null, {
    objectives: parseObjectives('ttft.p95<150ms'),
    profile: null,
  })

  test('has a verdict and a text that fits, and says no number that is none', async () => {
    const report = await made
    const text = formatReport(report)
    expect(report.verdict.status).toMatch(verdict)
    expect(text).not.toMatch(/NaN|undefined|Infinity|\[object/)
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
  })

  test('makes a page, a table and a file for CI without a broken number or a control character', async () => {
    const report = await made
    const markup = [reportPage(report), reportMarkdown(report), reportJunit(report)]
    for (const form of [...markup, reportCsv(report), formatReport(report)]) {
      expect(form).not.toMatch(/NaN|undefined|Infinity|\[object/)
      // oxlint-disable-next-line no-control-regex
      expect(form).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/)
    }
    for (const form of markup) expect(form).not.toContain('<b onclick')
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
  })
})
