import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseReplayOptions, type RawReplayOptions } from '../../src/replay/options.ts'
import { httpOptions } from '../../src/replay/send-target.ts'
import { replayDefaults } from '../support/replay-run.ts'

test('a key from a file stands once, in place of one among the headers', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trace-key-'))
  try {
    const apiKeyFile = join(folder, 'key')
    writeFileSync(apiKeyFile, 'right\n')
    const raw = {
      ...replayDefaults,
      target: ['http://h:1'],
      header: ['Authorization: Bearer wrong', 'x-one: 1'],
      apiKeyFile,
    }
    const { headers } = await httpOptions(parseReplayOptions(raw as unknown as RawReplayOptions))
    expect(headers).toEqual({ 'x-one': '1', authorization: 'Bearer right' })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
