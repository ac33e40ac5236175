/** Small traces whose row digests stand in the format's document. */
import type { BlockRow, EventRow, GapRow, RequestRow, SampleRow } from '../../src/trace/columns.ts'

export type VectorTrace = Readonly<{
  name: string
  request?: readonly Partial<RequestRow>[]
  block?: readonly BlockRow[]
  event?: readonly EventRow[]
  gap?: readonly GapRow[]
  sample?: readonly SampleRow[]
}>

export const VECTOR_TRACES: readonly VectorTrace[] = [
  { name: 'A trace without rows' },
  {
    name: 'One request of which nothing is known',
    request: [{ seq: 0, atUs: 0, endpoint: 'other' }],
  },
  {
    name: 'Null is not 0, and rows stand by (at_us, seq)',
    request: [
      { seq: 2, atUs: 1_000, endpoint: 'chat', promptTokens: 0, stream: false },
      { seq: 1, atUs: 1_000, endpoint: 'chat', session: 'a', lagUs: -1 },
      { seq: 3, atUs: 999, endpoint: 'chat', maxTokens: 4_294_967_297 },
    ],
  },
  {
    name: 'Every table and every type',
    request: [
      {
        seq: 7,
        atUs: 20_000,
        endpoint: 'chat',
        stream: true,
        model: 'grün',
        params: '{"temperature":0.5}',
        prefixLeaf: 0xffff_ffff_ffff_fffen,
        prefixBlocks: 2,
        outcome: 'ok',
        chunkTimes: Uint8Array.of(0x80, 0xf1, 0x04, 0xc0, 0xb8, 0x02, 0x06),
      },
    ],
    block: [
      { id: 5n, parent: null, tokens: 16 },
      { id: 0xffff_ffff_ffff_fffen, parent: 5n, tokens: null },
    ],
    event: [{ atUs: 0, kind: 'mark', detail: '{"name":"warm"}' }],
    gap: [{ fromUs: 10, toUs: 20, reason: 'disk', count: 3 }],
    sample: [{ atUs: 5, metric: 'vllm:num_requests_running', labels: null, value: 1.5 }],
  },
]

/** The same rows as JSON, under the names in files; ids as decimal texts, bytes as hexadecimal ones. */
export function vectorJson(trace: VectorTrace): string {
  const tables = Object.entries(trace).filter(([key]) => key !== 'name')
  const lines = tables.map(([table, rows]) => {
    const texts = (rows as readonly object[]).map((row) => `    ${JSON.stringify(row, spell)}`)
    return `  "${table}": [\n${texts.join(',\n')}\n  ]`
  })
  return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n}`
}

function spell(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value).filter(([, member]) => member !== null)
  return Object.fromEntries(
    entries.map(([key, member]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      member,
    ]),
  )
}
