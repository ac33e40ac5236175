import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { calibrationOf, readCalibration, withoutPlace } from '../../src/report/calibration.ts'
import { buildReport } from '../../src/report/report.ts'
import { watchSide } from '../../src/report/side-watch.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

const COUNT = 600
const relayTtftUs = (index: number) => 100_000 + ((index * 7_919) % 601) * 100

/** What a relay and its client say of the same requests: the client sees each 800 µs later. */
function rows(place: 'relay' | 'client'): Partial<RequestRow>[] {
  const addedUs = place === 'client' ? 800 : 0
  const all = Array.from({ length: COUNT }, (_, index): Partial<RequestRow> => ({
    atUs: index * 50_000 + addedUs,
    sourceSeq: index,
    copy: 0,
    lagUs: place === 'client' ? 5_000 : 0,
    uploadUs: 20,
    stream: true,
    outcome: 'ok',
    outputTokens: 11,
    ttftUs: relayTtftUs(index) + addedUs,
    e2eUs: relayTtftUs(index) + 100_000 + addedUs,
  }))
  return place === 'relay' ? all.toReversed().map((row, seq) => ({ ...row, seq })) : all
}

const side = async (place: 'relay' | 'client') => watchSide(unsavedTrace({ requests: rows(place) }))

test('the place costs what one place sees later than the other, lateness of sends left out', async () => {
  const { pairs, place } = calibrationOf(await side('relay'), await side('client'), 'f')
  expect(pairs).toBe(COUNT)
  expect(place.ttft_due.p50).toEqual({ shift_us: 800, low_us: 800, high_us: 800 })
  expect(place.e2e_due.p99).toEqual({ shift_us: 800, low_us: 800, high_us: 800 })
  expect(place.tpot.p95).toEqual({ shift_us: 0, low_us: 0, high_us: 0 })
})

test('a quantile of few requests says nothing; a request sent twice is left out', async () => {
  const few = await watchSide(unsavedTrace({ requests: rows('client').slice(0, 40) }))
  const { pairs, place } = calibrationOf(await side('relay'), few, null)
  expect(pairs).toBe(40)
  expect(place.ttft_due.p50).not.toBeNull()
  expect(place.ttft_due.p99).toBeNull()
  const twice = await watchSide(
    unsavedTrace({ requests: [...rows('relay'), { ...rows('relay')[0], seq: 9_999 }] }),
  )
  expect(calibrationOf(twice, await side('client'), null).pairs).toBe(COUNT - 1)
})

test('the change is freed of the place, and both uncertainties stay', () => {
  const change = { change: 0.1, low: 0.05, high: 0.15, pairs: 9, from_us: 100_000 }
  const cost = { shift_us: 4_000, low_us: 3_000, high_us: 6_000 }
  const freed = withoutPlace(change, cost)!
  expect(freed.change).toBeCloseTo(0.06)
  expect(freed.low).toBeCloseTo(-0.01)
  expect(freed.high).toBeCloseTo(0.12)
  expect(withoutPlace(change, null)).toBeNull()
})

test('changes are "observed" until a calibration on the same server says what the place costs', async () => {
  const recorded = unsavedTrace({
    kind: 'recorded',
    requests: rows('relay').map((row) => ({ ...row, seq: row.sourceSeq!, sourceSeq: null })),
  })
  const server = { ...recorded.header.server, fingerprint: 'f' }
  const run = unsavedTrace({ kind: 'replayed', header: { server }, requests: rows('client') })
  const report = async (fingerprint: string | null) =>
    buildReport(run, recorded, {
      objectives: [],
      profile: null,
      calibration:
        fingerprint === null
          ? null
          : calibrationOf(await side('relay'), await side('client'), fingerprint),
    })
  const [none, other, same] = [await report(null), await report('g'), await report('f')]
  expect(none.notes.join()).toContain('not calibrated')
  expect(other.notes.join()).toContain('of another server')
  expect(other.changes.every(({ calibrated }) => calibrated === null)).toBe(true)
  expect(same.notes.join()).toContain('calibrated by 600 requests')
  const tpot = same.changes.find(({ metric, quantile }) => metric === 'tpot' && quantile === 'p50')
  expect(tpot?.calibrated?.change).toBeCloseTo(0)
  // 5 ms of lag is the client's own fault and stays; the place's 0.8 ms are gone.
  const ttft = same.changes.find(
    ({ metric, quantile }) => metric === 'ttft_due' && quantile === 'p50',
  )
  expect(ttft!.change - ttft!.calibrated!.change).toBeCloseTo(800 / ttft!.from_us)
})

test('a calibration with a number missing is refused where it is read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trace-calibration-'))
  try {
    const path = join(folder, 'place.json')
    const whole = calibrationOf(await side('relay'), await side('client'), null)
    writeFileSync(path, JSON.stringify(whole))
    expect(await readCalibration('--calibration', path)).toEqual(whole)
    const { tpot: _tpot, ...place } = whole.place
    for (const part of [{}, place]) {
      writeFileSync(path, JSON.stringify({ ...whole, place: part }))
      await expect(readCalibration('--calibration', path)).rejects.toThrow('is no calibration')
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
