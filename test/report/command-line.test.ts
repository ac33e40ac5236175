import { expect, test } from 'vitest'
import { commandLine } from '../../src/report/command-line.ts'

test('the command can be typed again, and holds no key', () => {
  const argv = `replay prod/ --slo ttft.p99<2s --header
authorization: Bearer abc
--header=x-key: abc
--target http://me:abc@host:8000 --label
it's`
    .split('\n')
    .flatMap((line) => (line.includes(': ') ? [line] : line.split(' ')))
  expect(commandLine(argv)).toBe(
    "trace replay prod/ --slo 'ttft.p99<2s' --header 'authorization: …' '--header=x-key: …' " +
      `--target http://me:…@host:8000 --label 'it'\\''s'`,
  )
  expect(commandLine([])).toBeNull()
  expect(commandLine(undefined)).toBeNull()
})
