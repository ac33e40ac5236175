/** Writes the trace of a made-up workload. Effects: through the writer that it is given. */
import { TraceError } from '../base/errors.ts'
import { newHeader, type TraceHeader } from '../trace/header.ts'
import type { TraceWriter } from '../trace/trace.ts'
import { SynthBlocks } from './synth-blocks.ts'
import { classRows, requestRow, type SynthRow } from './synth-class.ts'
import type { SynthModel } from './synth-model.ts'

const ROWS_A_BATCH = 8_192

export function synthHeader(model: SynthModel): TraceHeader {
  return newHeader('synthetic', {
    seed: model.seed,
    hashing: { scheme: 'synthetic', blockBytes: null, blockTokens: null, keyId: null },
    transforms: [
      {
        name: 'synth',
        arguments: { classes: model.classes.map(({ name }) => name), notes: model.notes },
      },
    ],
  })
}

/**
 * All classes together, in the order of their instants.
 *
 * @returns how many requests
 * @throws TraceError EMPTY_WINDOW if nobody comes
 */
export async function writeSynthetic(model: SynthModel, writer: TraceWriter): Promise<number> {
  const blocks = new SynthBlocks(model.seed)
  const rows = model.classes.flatMap((of) => [
    ...classRows(of, model.seed, model.durationUs, blocks),
  ])
  if (rows.length === 0) {
    throw new TraceError('EMPTY_WINDOW', 'the configuration makes no request', {
      hint: 'Its rates are too low for its duration.',
    })
  }
  rows.sort((a, b) => a.atUs - b.atUs)
  const seqs = new Map<SynthRow, number>()
  for (const [seq, row] of rows.entries()) seqs.set(row, seq)
  await writer.addBlocks(blocks.rows)
  for (let first = 0; first < rows.length; first += ROWS_A_BATCH) {
    const batch = rows.slice(first, first + ROWS_A_BATCH)
    await writer.addRequests(batch.map((row) => requestRow(row, (of) => seqs.get(of)!)))
  }
  return rows.length
}
