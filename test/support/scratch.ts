/** A folder for one test file, removed after it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, vi } from 'vitest'

/** @returns a function that turns a name into a path in the folder */
export function scratchFolder(): (name: string) => string {
  // Disks and busy machines are slow; none of these tests is about time.
  vi.setConfig({ testTimeout: 60_000 })
  const folder = mkdtempSync(join(tmpdir(), 'trace-test-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return (name) => join(folder, name)
}
