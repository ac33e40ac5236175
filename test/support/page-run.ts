/** A small recording with everything that a page shows: sharing, sessions, failures, a hang-up, a hostile name. */
import { sequenceFor } from '../../src/base/random.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { createTrace } from '../../src/trace/create.ts'
import { newHeader } from '../../src/trace/header.ts'

/** A page that took this for markup would run its script. */
export const HOSTILE_NAME = '<img src=x onerror=alert(1)>'

const GAP_US = 12_000

/** @param count rows; they span `count * 12` ms */
export async function writePageRun(path: string, count: number): Promise<void> {
  const draw = sequenceFor('1', 'page run')
  const header = newHeader('recorded')
  const writer = await createTrace(path, {
    ...header,
    server: { ...header.server, software: HOSTILE_NAME, version: '0', models: [HOSTILE_NAME] },
    hashing: { scheme: 'test', blockBytes: null, blockTokens: 16, keyId: 'k' },
  })
  const blocks = Array.from({ length: 40 }, (_, at) => ({
    id: BigInt(at + 1),
    parent: at % 8 === 0 ? null : BigInt(at),
    tokens: 16,
  }))
  await writer.addBlocks(blocks)
  let atUs = 0
  const rows = Array.from({ length: count }, (_, seq): Partial<RequestRow> => {
    atUs += Math.round(-Math.log(1 - draw()) * GAP_US)
    const promptTokens = 140 + Math.floor(draw() ** 3 * 900)
    const outputTokens = 2 + Math.floor(draw() * 12)
    const ttftUs = Math.round(20_000 + promptTokens * 20 + draw() * 20_000)
    const common = {
      seq,
      atUs,
      lagUs: 0,
      uploadUs: 40,
      session: `s${seq % 30}`,
      turn: Math.floor(seq / 30),
      endpoint: 'completions',
      model: seq % 3 === 0 ? HOSTILE_NAME : 'sim',
      stream: true,
      promptTokens,
      outputTokens,
      maxTokens: outputTokens,
      tokenSource: 'server',
      prefixLeaf: BigInt((seq % 5) * 8 + 8),
      prefixBlocks: 8,
      status: 200,
      headersUs: 2_000,
    } as const
    if (seq % 50 === 7) return { ...common, status: 500, outcome: 'http_error', outputTokens: null }
    const ends = { ttftUs, e2eUs: ttftUs + outputTokens * 21_000 }
    if (seq % 50 === 9)
      return { ...common, ttftUs, abortUs: ttftUs + 30_000, outcome: 'client_abort' }
    return { ...common, ...ends, outcome: 'ok', finishReason: 'length' }
  })
  await writer.addRequests(rows)
  await writer.finish()
}

/** A replay whose sends were all in time, so that every check of it passes on any machine. */
export async function writeReplayedRun(path: string, runId: string): Promise<void> {
  const draw = sequenceFor(runId, 'replayed run')
  const writer = await createTrace(path, newHeader('replayed'))
  const rows = Array.from({ length: 300 }, (_, seq): Partial<RequestRow> => {
    const ttftUs = Math.round(40_000 + draw() * 20_000)
    return {
      seq,
      sourceSeq: seq,
      atUs: seq * 20_000,
      lagUs: 60,
      endpoint: 'completions',
      stream: true,
      outcome: 'ok',
      status: 200,
      promptTokens: 100,
      outputTokens: 5,
      tokenSource: 'server',
      ttftUs,
      e2eUs: ttftUs + 80_000,
    }
  })
  await writer.addRequests(rows)
  await writer.finish()
}
