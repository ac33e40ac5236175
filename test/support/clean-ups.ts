/** What a test started, to be ended after it. */
import { afterEach } from 'vitest'

/** A list for a whole file; what is put there last is done first, after each test. */
export function cleanUpsOfEachTest(): (() => unknown)[] {
  const cleanUps: (() => unknown)[] = []
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
  })
  return cleanUps
}
