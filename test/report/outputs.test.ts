import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compareRuns } from '../../src/report/comparison.ts'
import { formatComparison } from '../../src/report/comparison-text.ts'
import { comparisonPage } from '../../src/report/comparison-page.ts'
import { reportCsv } from '../../src/report/csv.ts'
import { parseGate } from '../../src/report/gate.ts'
import { comparisonJunit, reportJunit } from '../../src/report/junit.ts'
import { reportMarkdown } from '../../src/report/markdown.ts'
import { parseObjectives } from '../../src/report/objective.ts'
import { Outputs } from '../../src/report/outputs.ts'
import { reportPage } from '../../src/report/report-page.ts'
import { axisStart } from '../../src/report/report-pictures.ts'
import { formatReport } from '../../src/report/report-text.ts'
import { buildReport, type Report } from '../../src/report/report.ts'
import { ecdfOf } from '../../src/report/series.ts'
import { splitSides } from '../../src/report/sides-argument.ts'
import { encodeChunkTimes } from '../../src/trace/chunk-times.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { testWorld } from '../support/test-world.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

const EVIL = '</script><img src=x onerror=alert(1)>'

function rows(kind: 'recorded' | 'replayed', scale = 1): Partial<RequestRow>[] {
  return Array.from({ length: 500 }, (_, index) => {
    const ttftUs = Math.round(scale * (100_000 + ((index * 7_919) % 1_009) * 100))
    return {
      atUs: index * (kind === 'recorded' ? 40_000 : 20_000),
      lagUs: kind === 'recorded' ? 0 : 60,
      sourceSeq: kind === 'recorded' ? null : index,
      stream: true,
      outcome: index % 50 === 9 ? 'http_error' : 'ok',
      tenant: EVIL,
      model: EVIL,
      promptTokens: 50 + index,
      outputTokens: 3,
      tokenSource: 'server',
      ttftUs,
      e2eUs: ttftUs + 20_000,
      chunkTimes: encodeChunkTimes([ttftUs, ttftUs + 9_000, ttftUs + 20_000]),
    }
  })
}

/** Made once: each test only reads it. */
let made: Promise<Report> | undefined
const sampleReport = () => (made ??= makeReport())

async function makeReport() {
  const recorded = unsavedTrace({ kind: 'recorded', requests: rows('recorded') })
  const replayed = unsavedTrace({
    kind: 'replayed',
    requests: rows('replayed', 1.2),
    header: { seed: EVIL, interrupted: false },
    events: [{ atUs: 3_000_000, kind: EVIL, detail: null }],
    samples: [0, 5, 10].flatMap((second) => [
      { atUs: second * 1e6, metric: 'vllm:num_requests_running', labels: null, value: second },
      { atUs: second * 1e6, metric: 'vllm:kv_cache_usage_perc', labels: null, value: 0.1 },
    ]),
  })
  return buildReport(replayed, recorded, {
    objectives: parseObjectives('ttft.p95<150ms'),
    profile: 'vllm',
  })
}

test('a page needs no network, runs no script, and lets no text of a trace become markup', async () => {
  const html = reportPage(await sampleReport(), `trace report ${EVIL}`)
  expect(html).not.toContain('<img')
  expect(html).not.toContain('<script')
  expect(html).not.toMatch(/(?:src|href)="?http/)
  expect(html).toContain('&lt;img')
})

test('a page says the verdict and the decision before any number', async () => {
  const html = reportPage(await sampleReport())
  const places = ['class="verdict SUSPECT"', 'Objectives: missed', 'class="cards"', '<svg']
  const found = places.map((text) => html.indexOf(text))
  expect(found.every((at) => at > 0)).toBe(true)
  expect(found).toEqual(found.toSorted((a, b) => a - b))
})

test("a page shows another tool's figures where they were asked for", async () => {
  const report = await sampleReport()
  expect(reportPage(report)).toContain('<h2>As vllm counts</h2>')
  expect(reportPage({ ...report, profile: null })).not.toContain('As vllm counts')
})

test('what stands below each other on pictures over time happened together', async () => {
  const pictures = reportPage(await sampleReport()).match(/<svg[^]*?<\/svg>/g) ?? []
  const overTime = pictures.filter((svg) => svg.includes('seconds since the start'))
  const ends = overTime.map((svg) => {
    const [labels = ''] = /<g aria-label="x-axis tick label"[^]*?<\/g>/.exec(svg) ?? []
    return labels.match(/>[\d.,]+</g)?.join('')
  })
  expect(ends.length).toBeGreaterThan(4)
  expect(new Set(ends).size).toBe(1)
})

test('one answer at 0 does not squeeze the curve of the others; usual tails are not cut', () => {
  const values = Float64Array.from({ length: 24 }, (_, index) => 20_000 + index * 500)
  expect(axisStart(ecdfOf(values))).toBe(20_000)
  values[0] = 0
  expect(axisStart(ecdfOf(values))).toBeGreaterThan(5_000)
  values[1] = 3
  expect(axisStart(ecdfOf(values))).toBeGreaterThan(2_000)
  expect(axisStart(ecdfOf(new Float64Array(24)))).toBe(1)
})

test('as many points stand under the verdict as checks object; notes are no objections', async () => {
  const report = { ...(await sampleReport()), notes: ['a note'] }
  const box = reportPage(report).match(/<div class="verdict SUSPECT"[^]*?<\/div>/)![0]
  const bad = report.verdict.checks.filter(({ status }) => status === 'warn')
  expect(box).toContain(`${bad.length} of `)
  expect(box.match(/<li>/g)).toHaveLength(bad.length)
  expect(box).toContain('<b>Note:</b> a note')
})

test('each picture has words for who cannot see it', async () => {
  const html = reportPage(await sampleReport())
  const pictures = html.match(/<svg[^>]*>/g) ?? []
  expect(pictures.length).toBeGreaterThan(6)
  expect(pictures.filter((tag) => tag.includes('aria-label'))).toHaveLength(pictures.length)
})

test('lines of the text fit 80 columns, and the change against the recording is told', async () => {
  const text = formatReport(await sampleReport())
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
  expect(text).toContain('recorded at 1x replayed at 2x    observed change within this run\n')
  expect(text).toMatch(/TTFT p50 .*\+20 % \(\+20 … \+20\)/)
})

test('JUnit and Markdown escape what they hold; a missed objective is a failure', async () => {
  const report = await sampleReport()
  const xml = reportJunit(report)
  expect(xml).toContain('<failure type="threshold" message="ttft.p95&lt;150ms MISSED')
  expect(xml.match(/<testcase/g)).toHaveLength(report.verdict.checks.length + 1)
  expect(reportMarkdown(report)).not.toContain('<img')
})

test('CSV has a row for each number of both sides', async () => {
  const lines = reportCsv(await sampleReport())
    .trim()
    .split('\n')
  expect(lines[0]).toBe('side,name,statistic,value,low,high,samples,unit')
  expect(lines.some((line) => line.startsWith('run,ttft_due,p95,'))).toBe(true)
  expect(lines.some((line) => line.startsWith('against,ttft_due,p95,'))).toBe(true)
})

test('a document is plain JSON: nothing in it is lost', async () => {
  const report = await sampleReport()
  expect(JSON.parse(JSON.stringify(report))).toEqual(report)
})

test('runs are compared by their medians; one run a side is said to be one', async () => {
  const report = await sampleReport()
  const one = compareRuns([report], [report], [])
  expect(one).toMatchObject({ within_runs_only: true, exit_code: 0 })
  expect(formatComparison(one)).toContain('one run a side')
  const slower = await buildReport(
    unsavedTrace({ kind: 'replayed', requests: rows('replayed', 2) }),
    null,
  )
  const gate = parseGate('ttft.p95<+10%')
  const compared = compareRuns(
    [report, report, report, report, report],
    [slower, slower, slower, slower, slower],
    [gate],
  )
  expect(compared.exit_code).toBe(99)
  expect(formatComparison(compared).split('\n')[0]).toMatch(/^REGRESSION {2}ttft.p95<\+10%/)
  expect(comparisonJunit(compared)).toContain('failures="1"')
  expect(comparisonPage(compared)).toContain('REGRESSION')
  const invalid = { ...report, verdict: { ...report.verdict, status: 'INVALID' as const } }
  const unfit = formatComparison(compareRuns([report], [invalid, invalid], [gate]))
  expect(unfit).toMatch(/^INVALID {2}b1, b2: repeat before deciding/)
})

test("runs of two sides stand around the word 'vs'", () => {
  expect(splitSides(['a', 'b', 'vs', 'c'])).toEqual({ a: ['a', 'b'], b: ['c'] })
  expect(splitSides(['a', 'b'])).toEqual({ a: ['a'], b: ['b'] })
  for (const bad of [
    ['a'],
    ['vs', 'b'],
    ['a', 'vs'],
    ['a', 'b', 'c'],
    ['a', 'vs', 'b', 'vs', 'c'],
  ]) {
    expect(() => splitSides(bad)).toThrow(/compare wants/)
  }
})

test('files appear whole at the end, and an abandoned command leaves none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'outputs-'))
  const outputs = await Outputs.open({ csv: join(folder, 'a.csv'), junit: join(folder, 'a.xml') })
  const { world, said } = testWorld()
  await outputs.write({ csv: () => 'x\n', junit: () => '<x/>' }, world.stderr)
  expect(said.err).toBe(`written  ${join(folder, 'a.xml')} · ${join(folder, 'a.csv')}\n`)
  expect(readdirSync(folder).toSorted()).toEqual(['a.csv', 'a.xml'])
  expect(readFileSync(join(folder, 'a.csv'), 'utf8')).toBe('x\n')
  const given = await Outputs.open({ csv: join(folder, 'b.csv') })
  await given.abandon()
  expect(readdirSync(folder)).toHaveLength(2)
  await expect(Outputs.open({ csv: join(folder, 'none', 'c.csv') })).rejects.toThrow(
    /cannot be written/,
  )
})

test('an earlier report is replaced, a trace of that name is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'outputs-'))
  const [page, trace] = [join(folder, 'page.html'), join(folder, 'x.arrow')]
  writeFileSync(page, 'the page of yesterday')
  writeFileSync(trace, 'ARROW1\0\0 and so on')
  await (await Outputs.open({ html: page })).abandon()
  await expect(Outputs.open({ html: trace })).rejects.toThrow('--html: ')
  expect(readFileSync(trace, 'utf8')).toContain('and so on')
})
