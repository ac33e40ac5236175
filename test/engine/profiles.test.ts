/** The constants of the simulated servers, and what the documentation says of them. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Profile } from '../../src/engine/profile.ts'
import { PROFILES } from '../../src/engine/profiles.ts'

const document = readFileSync('docs/engine.md', 'utf8')
const shown = (value: number) =>
  Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 4 })

function cellsOf(profile: Profile): string[] {
  const { stepUs, sequenceUs, weightsUs, tokenUs, kvTokenUs, blockCount, blockTokens } = profile
  const constants = [stepUs, sequenceUs, weightsUs, tokenUs, kvTokenUs].map(shown)
  return [...constants, (blockCount * blockTokens).toLocaleString('en-US')]
}

describe.each(PROFILES)('the profile $name', (profile) => {
  test('stands in docs/engine.md with its constants', () => {
    const row = document.split('\n').find((line) => line.startsWith(`| \`${profile.name}\``))
    const cells = (row ?? '').split('|').map((cell) => cell.trim())
    expect(cells.slice(3, -1)).toEqual(cellsOf(profile))
  })

  test('has room in its cache for the longest sequence', () => {
    expect(profile.blockCount * profile.blockTokens).toBeGreaterThanOrEqual(profile.maxModelTokens)
  })
})

test('a roofline follows from the data sheet: 16 GB of weights at 70 % of 3,350 GB/s', () => {
  const h100 = PROFILES.find(({ name }) => name === 'h100-8b')
  expect(Math.round(h100?.weightsUs ?? 0)).toBe(Math.round((16.06e9 / (3_350e9 * 0.7)) * 1e6))
})
