/** What a trace says about itself. Stored as JSON under snake_case names; unknown fields are kept. Pure. */
import type { TableName } from './columns.ts'

/** The format that this program writes, and the newest that it reads. */
export const FORMAT_VERSION = 1

/** The same as in package.json, which a build does not carry. */
export const PRODUCER_VERSION = '0.1.0'

/** Where wall clock and monotonic clock were read together. */
export type ClockAnchor = Readonly<{ atUs: number; wallUs: number }>

export type Transform = Readonly<{ name: string; arguments: Readonly<Record<string, unknown>> }>

export type TraceHeader = Readonly<{
  formatVersion: number
  /** Oldest version of this program's format that can still read the file. */
  oldestReader: number
  kind: 'recorded' | 'imported' | 'synthetic' | 'replayed'
  producer: string
  producerVersion: string
  /** µs since 1970 of at_us = 0; null where it was dropped or never known. */
  originWallUs: number | null
  clock: Readonly<{ quantumUs: number | null; anchors: readonly ClockAnchor[] }>
  /** What was kept, and which share of sessions or tenants. */
  capture: Readonly<{
    policy: string
    samplingShare: number
    sampledBy: string | null
    notes: readonly string[]
  }>
  hashing: Readonly<{
    scheme: string | null
    blockBytes: number | null
    blockTokens: number | null
    keyId: string | null
  }>
  tokenizer: string | null
  server: Readonly<{
    software: string | null
    version: string | null
    models: readonly string[]
    maxModelTokens: number | null
    blockTokens: number | null
    fingerprint: string | null
    /** Salted hash of host:port, so that a replay can refuse the server that was recorded. */
    addressHash: string | null
    addressSalt: string | null
  }>
  seed: string | null
  planSha256: string | null
  shard: Readonly<{ index: number; count: number }> | null
  transforms: readonly Transform[]
  counts: Readonly<Record<TableName, number>> | null
  rowDigest: string | null
  licence: string | null
  labels: Readonly<Record<string, string>>
  signatures: readonly Readonly<{ keyId: string; publicKey: string; signature: string }>[]
  /** Set on a replay that was ended early. */
  interrupted: boolean
}>

/** A header with nothing known yet but what the caller gives. Pure. */
export function newHeader(
  kind: TraceHeader['kind'],
  overrides: Partial<TraceHeader> = {},
): TraceHeader {
  return {
    formatVersion: FORMAT_VERSION,
    oldestReader: FORMAT_VERSION,
    kind,
    producer: 'vllm-trace',
    producerVersion: PRODUCER_VERSION,
    originWallUs: null,
    clock: { quantumUs: null, anchors: [] },
    capture: { policy: 'sizes', samplingShare: 1, sampledBy: null, notes: [] },
    hashing: { scheme: null, blockBytes: null, blockTokens: null, keyId: null },
    tokenizer: null,
    server: {
      software: null,
      version: null,
      models: [],
      maxModelTokens: null,
      blockTokens: null,
      fingerprint: null,
      addressHash: null,
      addressSalt: null,
    },
    seed: null,
    planSha256: null,
    shard: null,
    transforms: [],
    counts: null,
    rowDigest: null,
    licence: null,
    labels: {},
    signatures: [],
    interrupted: false,
    ...overrides,
  }
}
