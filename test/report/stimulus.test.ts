import { expect, test } from 'vitest'
import { sequenceFor } from '../../src/base/random.ts'
import { buildReport } from '../../src/report/report.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

const COUNT = 300
const draw = sequenceFor('1', 'stimulus')
let dueUs = 0
/** Poisson arrivals, ten a second; every tenth hangs up. */
const RECORDED = Array.from({ length: COUNT }, (_, seq): Partial<RequestRow> => {
  dueUs += Math.round(-Math.log(1 - draw()) * 100_000)
  return {
    seq,
    atUs: dueUs,
    outcome: seq % 10 === 0 ? 'client_abort' : 'ok',
    promptTokens: 100 + seq,
    outputTokens: 5,
  }
})

/** The recording at twice the speed; later laps follow one another, or start 10 ms apart as added users. */
function replayed(laps: number, lapUs: number): Partial<RequestRow>[] {
  const rows = Array.from({ length: laps }, (_, copy) =>
    RECORDED.map((row) => ({
      ...row,
      seq: copy * COUNT + row.seq!,
      sourceSeq: row.seq!,
      copy,
      atUs: row.atUs! / 2 + copy * lapUs,
      lagUs: 40,
    })),
  ).flat()
  return rows.toSorted((a, b) => a.atUs - b.atUs)
}

test.each([
  ['once', replayed(1, 0)],
  ['three times', replayed(3, dueUs / 2 + 50_000)],
  ['with two users for each', replayed(2, 10_000)],
])('a recording sent %s is held against itself, each arrival once', async (_name, requests) => {
  const { stimulus } = await buildReport(
    unsavedTrace({ kind: 'replayed', requests }),
    unsavedTrace({ kind: 'recorded', requests: RECORDED }),
  )
  expect(stimulus).toMatchObject({ pairs: requests.length, unpaired: 0 })
  expect(stimulus!.speed).toBeCloseTo(2, 6)
  expect(stimulus!.arrivals.ks).toBeLessThan(0.01)
  expect(stimulus!.arrivals.w1_over_mean).toBeLessThan(1e-6)
  expect(stimulus!.arrivals.idc_ratio_1s).toBeCloseTo(1, 1)
  expect(stimulus!.prompt_tokens).toMatchObject({ exact_share: 1, ks: 0 })
  expect(stimulus!.hang_ups).toEqual({
    recorded: requests.length / 10,
    replayed: requests.length / 10,
  })
})

test('sends at an even pace are told from the recorded bursts', async () => {
  const requests = replayed(1, 0).map((row, index) => ({ ...row, atUs: index * 50_000 }))
  const { stimulus } = await buildReport(
    unsavedTrace({ kind: 'replayed', requests }),
    unsavedTrace({ kind: 'recorded', requests: RECORDED }),
  )
  expect(stimulus!.arrivals.ks).toBeGreaterThan(0.3)
  expect(stimulus!.arrivals.idc_ratio_1s).toBeLessThan(0.3)
})

test('what was recorded at one instant has no speed, and is compared all the same', async () => {
  const atOnce = RECORDED.map((row) => ({ ...row, atUs: 5_000_000 }))
  const requests = atOnce.map((row) => ({ ...row, sourceSeq: row.seq!, copy: 0, lagUs: row.seq! }))
  for (const rows of [requests, requests.map((row) => ({ ...row, lagUs: 0 }))]) {
    const { stimulus } = await buildReport(
      unsavedTrace({ kind: 'replayed', requests: rows }),
      unsavedTrace({ kind: 'recorded', requests: atOnce }),
    )
    expect(stimulus).toMatchObject({ pairs: COUNT, unpaired: 0, speed: null })
    expect(stimulus!.arrivals.ks).toBe(0)
  }
})

/** Slow in the second half of the recording, which is not replayed. */
const TIMED = RECORDED.map((row, index) => ({
  ...row,
  lagUs: 0,
  stream: true,
  ttftUs: index < COUNT / 2 ? 50_000 : 500_000,
  e2eUs: 600_000,
}))

test.each([
  ['once', 1],
  ['three times', 3],
])('of a part sent %s, the recorded figures are those of its rows', async (_name, laps) => {
  const sent = Array.from({ length: laps }, (_, copy) =>
    TIMED.slice(0, COUNT / 2).map((row) => ({
      ...row,
      seq: copy * COUNT + row.seq!,
      sourceSeq: row.seq!,
      copy,
      atUs: row.atUs! + copy * dueUs,
    })),
  ).flat()
  const stopped = TIMED.slice(COUNT / 2).map(({ seq, atUs }) => ({
    seq: laps * COUNT + seq!,
    sourceSeq: seq!,
    atUs: atUs! + laps * dueUs,
    outcome: 'not_sent' as const,
  }))
  const recorded = unsavedTrace({ kind: 'recorded', requests: TIMED })
  const report = await buildReport(
    unsavedTrace({ kind: 'replayed', requests: [...sent, ...stopped] }),
    recorded,
  )
  expect(report.recorded).toMatchObject({
    left_out: COUNT / 2,
    side: { requests: { total: COUNT / 2 }, metrics: { ttft: { max: 50_000 } } },
  })
  expect(report.stimulus).toMatchObject({ pairs: sent.length, unpaired: 0 })
  expect(report.notes[0]).toBe(
    'recorded figures are of the 150 of 300 requests that are compared with this run',
  )
  const whole = await buildReport(recorded, recorded)
  expect(whole.recorded).toMatchObject({ left_out: 0, side: { requests: { total: COUNT } } })
  expect(whole.notes).toEqual([])
})
