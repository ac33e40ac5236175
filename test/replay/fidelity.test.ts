import { expect, test } from 'vitest'
import { countFidelity, newFidelity } from '../../src/replay/fidelity.ts'
import { fidelityText } from '../../src/replay/fidelity-text.ts'

const PLANNED = {
  promptTokens: 45,
  outputTokens: 12,
  abortTokens: 0,
  isHangUp: false,
  isStructured: false,
}

test('sizes that no server told are neither exact nor off, and the run says so', () => {
  const fidelity = newFidelity(1)
  // Twelve tokens in three events, and no usage though it was asked for.
  const row = { outcome: 'ok', lagUs: 0, promptTokens: 45, outputTokens: 3 } as const
  countFidelity(fidelity, { ...row, tokenSource: 'stream' }, PLANNED)
  expect(fidelity).toMatchObject({ outputExact: 0, outputOff: 0, promptExact: 0, promptOff: 0 })
  expect(fidelityText(fidelity)).toBe('done  sent 1 of 1 · the server told no sizes')
})

test('an answer of another size than planned is off by what the server counted', () => {
  const fidelity = newFidelity(1)
  const row = { outcome: 'ok', lagUs: 0, promptTokens: 45, outputTokens: 9 } as const
  countFidelity(fidelity, { ...row, tokenSource: 'server' }, PLANNED)
  expect(fidelity).toMatchObject({ outputOff: 1, outputTokens: 12, outputTokensOff: 3 })
  expect(fidelityText(fidelity)).not.toContain('told no sizes')
})
