/** What a trace says about itself. Stored as JSON under snake_case names; unknown fields are kept. */
import type { TableName } from './columns.ts'

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
