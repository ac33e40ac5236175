/** What a trace that was put together from others says about itself. Pure. */
import { isDeepStrictEqual } from 'node:util'
import { newHeader, type TraceHeader } from './header.ts'
import type { Mapping } from './mapped-reader.ts'
import type { TraceReader } from './trace.ts'

/** Shards differ in nothing but their rows. */
export function shardsHeader(readers: readonly TraceReader[]): TraceHeader {
  const headers = readers.map(({ header }) => header)
  const [first] = headers as [TraceHeader, ...TraceHeader[]]
  const indexes = headers.map(({ shard }) => shard?.index ?? 0).toSorted((a, b) => a - b)
  const count = first.shard?.count ?? 0
  const joined = { name: 'merge', arguments: { shards: indexes, of: count } }
  return {
    ...first,
    shard: null,
    signatures: [],
    rowDigest: null,
    counts: null,
    transforms: [...first.transforms, joined],
    interrupted: indexes.length < count || headers.some(({ interrupted }) => interrupted),
  }
}

/** Where all inputs say the same it stays; where they differ nothing is claimed. */
export function mergedHeader(
  readers: readonly TraceReader[],
  mappings: readonly Mapping[],
  names: readonly string[],
): TraceHeader {
  const headers = readers.map(({ header }) => header)
  const [first] = headers as [TraceHeader, ...TraceHeader[]]
  const blank = newHeader('imported')
  const common = <K extends keyof TraceHeader>(key: K): TraceHeader[K] =>
    headers.every((header) => isDeepStrictEqual(header[key], first[key])) ? first[key] : blank[key]
  const isOfOneKind = headers.every(({ kind }) => kind === first.kind)
  const quanta = headers.map(({ clock }) => clock.quantumUs)
  const inputs = headers.map((header, index) => ({
    row_digest: header.rowDigest,
    kind: header.kind,
    shift_us: mappings[index]?.shiftUs ?? 0,
    seq_base: mappings[index]?.seqBase ?? 0,
    ids: mappings[index]?.apart === null ? 'kept' : 'apart',
    transforms: header.transforms,
  }))
  return {
    ...blank,
    kind: isOfOneKind ? first.kind : 'imported',
    originWallUs: mergedOrigin(headers, mappings),
    clock: {
      quantumUs: quanta.every((quantum) => quantum !== null) ? Math.max(...quanta) : null,
      anchors: headers.flatMap(({ clock }, index) =>
        clock.anchors.map(({ atUs, wallUs }) => ({
          atUs: atUs + (mappings[index]?.shiftUs ?? 0),
          wallUs,
        })),
      ),
    },
    capture: mergedCapture(headers),
    hashing: common('hashing'),
    tokenizer: common('tokenizer'),
    server: common('server'),
    licence: common('licence'),
    labels: common('labels'),
    transforms: [{ name: 'merge', arguments: { inputs, count: names.length } }],
    interrupted: headers.some(({ interrupted }) => interrupted),
  }
}

/** Traces that were made to begin together have no place in time any more. */
function mergedOrigin(
  headers: readonly TraceHeader[],
  mappings: readonly Mapping[],
): number | null {
  const [first] = headers
  const origin = first?.originWallUs ?? null
  if (origin === null) return null
  const earliest = origin - (mappings[0]?.shiftUs ?? 0)
  const isAligned = headers.every(({ originWallUs }, index) => {
    return originWallUs !== null && originWallUs - (mappings[index]?.shiftUs ?? 0) === earliest
  })
  return isAligned ? earliest : null
}

function mergedCapture(headers: readonly TraceHeader[]): TraceHeader['capture'] {
  const [first] = headers as [TraceHeader, ...TraceHeader[]]
  const captures = headers.map(({ capture }) => capture)
  const isSame = captures.every((capture) => isDeepStrictEqual(capture, first.capture))
  if (isSame) return first.capture
  const policies = [...new Set(captures.map(({ policy }) => policy))]
  const shares = captures.map(({ samplingShare }) => samplingShare)
  return {
    policy: policies.join(' + '),
    samplingShare: Math.min(...shares),
    sampledBy: null,
    notes: [...new Set(captures.flatMap(({ notes }) => notes))],
  }
}
