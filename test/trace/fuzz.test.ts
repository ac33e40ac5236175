import { expect, test } from 'vitest'
import { FuzzCases } from '../support/fuzz-cases.ts'

test('damaged files of every kind are read or refused, with a sentence (more: npm run fuzz)', async () => {
  const cases = await FuzzCases.prepare('ci')
  const seen = { read: 0, refused: 0 }
  for (let index = 0; index < 400; index += 1) seen[await cases.run(index)] += 1
  cases.close()
  expect(seen.refused).toBeGreaterThan(50)
  expect(seen.read).toBeGreaterThan(50)
}, 120_000)
