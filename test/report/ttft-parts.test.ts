import { expect, test } from 'vitest'
import { buildReport } from '../../src/report/report.ts'
import { engineRun } from '../support/engine-run.ts'
import { unsavedTrace, type UnsavedTrace } from '../support/unsaved-trace.ts'

async function reportOf(run: UnsavedTrace) {
  const report = await buildReport(unsavedTrace(run), null)
  return {
    ...report,
    check: report.verdict.checks.find(({ name }) => name === 'server_ttft')!,
  }
}

/** A seed whose run has no hang-ups and tells the server's own times; its even neighbour does not tell them. */
const TOLD = [1, 3, 5, 7, 9, 11, 13].find((seed) =>
  engineRun(seed, null).requests.every(({ outcome }) => outcome === 'ok'),
)!

test('request by request TTFT is queue, prefill and the way, and their means are those of the server’s histograms', async () => {
  const { ttft_parts: parts, server, side, check } = await reportOf(engineRun(TOLD, null))
  expect(parts).toMatchObject({ n: side.requests.ok, share: 1, beyond: 0, worst: null })
  expect(parts!.queue.mean).toBeCloseTo(server!.means_s.queue! * 1e6, 0)
  expect(parts!.prefill.mean).toBeCloseTo(server!.means_s.prefill! * 1e6, 0)
  expect(parts!.queue.mean + parts!.prefill.mean + parts!.rest.mean).toBeCloseTo(
    side.metrics.ttft!.mean,
    6,
  )
  // 150 µs each way, and a client that reads.
  expect(parts!.rest.p50).toBeGreaterThan(300)
  expect(parts!.rest.p50).toBeLessThan(2_000)
  expect(check).toMatchObject({ status: 'pass', value: 0, unit: 'share' })
})

test('why tells where the time of all went, and where that of the slowest', async () => {
  const rows = Array.from({ length: 100 }, (_, index) => {
    const queueUs = index % 20 === 0 ? 900_000 : 1_000
    return {
      atUs: index * 1_000,
      stream: true,
      outcome: 'ok',
      ttftUs: queueUs + 100_000,
      serverQueueUs: queueUs,
      serverTtftUs: 98_000,
    } as const
  })
  const { why } = await reportOf({ kind: 'recorded', requests: rows })
  expect(why).toEqual([
    'TTFT is queue 46 ms, prefill 98 ms, the way and HTTP 2 ms (means of 100 requests)',
    'of the slowest 5 queue 90 %, prefill 10 %, the way 0 %',
  ])
})

test('what means hide is found request by request', async () => {
  const run = engineRun(TOLD, null)
  // One in forty waited 300 ms where neither the network nor the scheduler was.
  const requests = run.requests.map((row, index) =>
    index % 40 === 7 ? { ...row, ttftUs: row.ttftUs! + 300_000, e2eUs: row.e2eUs! + 300_000 } : row,
  )
  const untold = requests.map((row) => ({ ...row, serverQueueUs: null, serverTtftUs: null }))
  const byMeans = await reportOf({ ...run, requests: untold })
  expect(byMeans.check).toMatchObject({ status: 'pass', unit: 'us' })
  expect(byMeans.check.says).toMatch(/^our mean TTFT is /)
  expect(byMeans.ttft_parts).toBeNull()
  const byRequest = await reportOf({ ...run, requests })
  expect(byRequest.check).toMatchObject({ status: 'warn', unit: 'share', limit: 0.01 })
  expect(byRequest.check.says).toMatch(
    /^TTFT of \d+ requests is not the server's queue and prefill: 30\d ms more in request \d+ \(limit 1 %\)$/,
  )
  expect(byRequest.verdict.status).toBe('SUSPECT')
})

test('a few requests whose times are told stand for none but themselves', async () => {
  const run = engineRun(TOLD, null)
  const requests = run.requests.map((row, index) =>
    index % 10 === 0 ? row : { ...row, serverQueueUs: null, serverTtftUs: null },
  )
  const { check, ttft_parts: parts } = await reportOf({ ...run, requests })
  expect(parts!.share).toBeCloseTo(0.1, 1)
  expect(check).toMatchObject({ status: 'pass', unit: 'us' })
})
