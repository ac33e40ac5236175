import { expect, test } from 'vitest'
import { aimLines, TWIN } from './record-aims.ts'

const RECORDER = {
  what: '500 streams',
  through: 'trace record',
  addedP50Us: 90,
  addedP99Us: 3_200,
  addedFirstP50Us: 140,
  addedFirstP99Us: 2_000,
  cpuUsPerChunk: 30,
}
const NGINX = { ...RECORDER, through: 'nginx', addedP99Us: 2_000, cpuUsPerChunk: 20 }

const verdicts = (lines: Parameters<typeof aimLines>[0]) =>
  aimLines(lines).map(({ aim, verdict }) => [aim, verdict])

test('each figure of a run is held to its aim, and says by how much it misses', () => {
  expect(verdicts([RECORDER, NGINX])).toEqual([
    ['added p50, 500 streams', 'met'],
    ['added first p50, 500 streams', 'missed by 40 µs'],
    ['added p99 beside nginx, 500 streams', 'missed by 200 µs'],
    ['added first p99 beside nginx, 500 streams', 'met'],
    ['CPU a chunk, 500 streams', 'missed by 14 µs'],
    ["the same, of nginx's", 'met'],
  ])
})

test('aims beside nginx are left out where nginx did not run', () => {
  const aims = aimLines([RECORDER]).map(({ aim }) => aim)
  expect(aims.some((aim) => String(aim).includes('nginx'))).toBe(false)
})

test('a run that lost a request misses its aim, whatever its speed', () => {
  const small = { what: 'small requests', through: 'trace record', seconds: 60, perSecond: 21_000 }
  const lost = { what: 'recorded', through: 'trace record', verdict: 'FAILED' }
  expect(verdicts([small, lost]).map(([, verdict]) => verdict)).toEqual(['met', 'missed by 1'])
})

test('a recorder that fails is held to the delay of one that is well, and to how far two of those differ', () => {
  const failing = { what: 'while failing: disk full', through: 'trace record' }
  expect(verdicts([{ ...failing, p50OfWell: 1.1, p99OfWell: 1.5 }])).toEqual([
    ['p50 while failing: disk full, of one that is well', 'met'],
    ['p99 while failing: disk full, of one that is well', 'missed by 0.25 times'],
  ])
  const twin = { what: TWIN, through: 'trace record', p50OfWell: 0.7, p99OfWell: 1.6 }
  const both = [{ ...failing, p50OfWell: 1.4, p99OfWell: 1.5 }, twin]
  expect(verdicts(both).map(([, verdict]) => verdict)).toEqual(['missed by 0.15 times', 'met'])
})
