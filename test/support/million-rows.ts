/** Writes, converts or reads a trace of a million rows, and prints rows, memory and digest as JSON. */
import { copyTrace } from '../../src/trace/copy.ts'
import { createTrace } from '../../src/trace/create.ts'
import { newHeader } from '../../src/trace/header.ts'
import { openTrace } from '../../src/trace/open.ts'

const ROWS = 1_000_000
const BATCH_ROWS = 10_000

const [verb = 'write', input = '', output = ''] = process.argv.slice(2)

async function write(path: string): Promise<number> {
  const writer = await createTrace(path, newHeader('synthetic'), { force: true })
  for (let from = 0; from < ROWS; from += BATCH_ROWS) {
    const seq = Float64Array.from({ length: BATCH_ROWS }, (_, row) => from + row)
    const texts = (make: (row: number) => string) => Array.from(seq, make)
    await writer.addRequestBatch({
      rowCount: BATCH_ROWS,
      columns: {
        seq,
        atUs: seq.map((row) => row * 1_000 + (row % 13)),
        endpoint: texts(() => 'chat'),
        model: texts((row) => `model-${row % 3}`),
        session: texts((row) => `session-${row >> 3}`),
        outcome: texts(() => 'ok'),
        promptTokens: seq.map((row) => 100 + ((row * 7_919) % 3_000)),
        outputTokens: seq.map((row) => 10 + ((row * 31) % 500)),
        ttftUs: seq.map((row) => 20_000 + ((row * 97) % 9_000)),
        e2eUs: seq.map((row) => 900_000 + ((row * 997) % 90_000)),
        status: seq.map(() => 200),
      },
    })
  }
  await writer.finish()
  return ROWS
}

async function convert(from: string, to: string): Promise<number> {
  const reader = await openTrace(from)
  const writer = await createTrace(to, reader.header, { force: true })
  await copyTrace(reader, writer)
  await writer.finish()
  await reader.close()
  return ROWS
}

async function read(path: string): Promise<number> {
  const reader = await openTrace(path)
  let rowCount = 0
  for await (const batch of reader.requests(['promptTokens', 'outputTokens', 'ttftUs', 'model'])) {
    rowCount += batch.rowCount
  }
  await reader.close()
  return rowCount
}

const startMs = performance.now()
const steps = { write, convert, read }
const rowCount = await steps[verb as keyof typeof steps](input, output)
const tookMs = Math.round(performance.now() - startMs)
const written = await openTrace(output === '' ? input : output)
await written.close()
const maxRssBytes = process.resourceUsage().maxRSS * 1_024
console.log(JSON.stringify({ rowCount, tookMs, maxRssBytes, digest: written.header.rowDigest }))
