/** Writes fixtures/trace-v1.*: once for each released version of the format, never again after. */
import { writeTables } from './write-tables.ts'
import { VECTOR_TRACES } from './digest-vectors.ts'

const [, , , tables] = VECTOR_TRACES
for (const container of ['sqlite', 'arrow']) {
  const labels = { made: 'by the first release' }
  await writeTables(`fixtures/trace-v1.${container}`, tables ?? {}, { labels })
}
