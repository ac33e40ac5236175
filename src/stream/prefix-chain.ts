/**
 * Keyed ids of prefixes: each block's id stands for everything up to its end, and nothing can be
 * learned from it without the key. Pure.
 *
 * id_k = first 64 bits of HMAC-SHA-256(key, id_{k-1} ‖ block_k); id_0 is made of the root's names.
 * Only whole blocks have an id, so a longer prompt keeps the ids of a shorter one that it begins with.
 */
import { hash } from 'node:crypto'

export const HASH_SCHEME = 'hmac-sha256-64/256-byte-blocks/1'
export const CHAIN_BLOCK_BYTES = 256

/** The same over token ids, four bytes each: a block is 64 tokens, whatever text they stand for. */
export const TOKEN_HASH_SCHEME = 'hmac-sha256-64/64-token-blocks/1'
export const CHAIN_BLOCK_TOKENS = 64

const HASH_BLOCK_BYTES = 64
const ID_BYTES = 8

/** HMAC's two padded keys, and a name for the key that tells nothing about it. */
export type ChainKey = Readonly<{ inner: Buffer; outer: Buffer; keyId: string }>

/** @param secret 16 bytes or more */
export function chainKey(secret: Uint8Array): ChainKey {
  const short = secret.byteLength > HASH_BLOCK_BYTES ? hash('sha256', secret, 'buffer') : secret
  const inner = Buffer.alloc(HASH_BLOCK_BYTES, 0x36)
  const outer = Buffer.alloc(HASH_BLOCK_BYTES, 0x5c)
  short.forEach((byte, index) => {
    inner[index] = (inner[index] ?? 0) ^ byte
    outer[index] = (outer[index] ?? 0) ^ byte
  })
  const unnamed = { inner, outer, keyId: '' }
  return { inner, outer, keyId: keyedId(unnamed, 'key', '') }
}

/**
 * The first 64 bits of HMAC-SHA-256 by two one-shot hashes: no id is 0, since that stands for none.
 * A digest as a text of its bytes costs a third of one in a buffer of its own.
 *
 * @param padded the key's inner pad, then the message
 */
function idOf({ outer }: ChainKey, padded: Uint8Array): bigint {
  outer.copy(outerMessage)
  outerMessage.write(hash('sha256', padded, 'binary'), HASH_BLOCK_BYTES, 'latin1')
  digestStart.write(hash('sha256', outerMessage, 'binary'), 'latin1')
  return digestStart.readBigUInt64BE(0) || 1n
}

const outerMessage = Buffer.alloc(HASH_BLOCK_BYTES + 32)
const digestStart = Buffer.alloc(ID_BYTES)

function idOfText(key: ChainKey, text: string): bigint {
  return idOf(key, Buffer.concat([key.inner, Buffer.from(text)]))
}

/**
 * 16 hex digits for a name that must not be stored: a session, a tenant, a model.
 *
 * @param purpose keeps equal texts of different columns apart
 */
export function keyedId(key: ChainKey, purpose: string, text: string): string {
  return idOfText(key, `${purpose}\0${text}`).toString(16).padStart(16, '0')
}

/** What must be equal before two prompts can share anything. */
export type ChainRoot = Readonly<{
  /**
   * Chat, responses and messages pass through the same template; completions through none; token
   * ids are what comes out of either.
   */
  family: 'templated' | 'raw' | 'tokens'
  model: string
  adapter: string | null
  cacheSalt: string | null
}>

export function rootId(key: ChainKey, root: ChainRoot): bigint {
  const names = [root.family, root.model, root.adapter, root.cacheSalt]
  return idOfText(key, `root\0${JSON.stringify(names)}`)
}

/** A chain so far, to be continued by what comes next. */
export type Chain = Readonly<{
  /** Where it starts: the root's id, or the last block of a chain that goes on elsewhere. */
  baseId: bigint
  /** Blocks before that; 0 at a root. */
  baseCount: number
  /** One id for each whole block since. */
  ids: BigUint64Array
  /** Bytes after the last whole block. */
  tail: Buffer
}>

export function startChain(root: bigint): Chain {
  return { baseId: root, baseCount: 0, ids: new BigUint64Array(0), tail: Buffer.alloc(0) }
}

/** The same chain without its past: what must be remembered to continue it later. */
export function restartChain(chain: Chain): Chain {
  const { baseCount, ids, tail } = chain
  return {
    baseId: lastId(chain),
    baseCount: baseCount + ids.length,
    ids: new BigUint64Array(0),
    tail,
  }
}

/** Id of the last whole block; where there is none, of the base. */
export function lastId({ ids, baseId }: Chain): bigint {
  return ids.at(-1) ?? baseId
}

/**
 * Names one exact end of a conversation, to the byte: for telling which turn another continues.
 *
 * @param id the last whole block before that end, or the base
 * @param rest the bytes after that block, fewer than a block
 */
export function pointId(key: ChainKey, id: bigint, rest: Uint8Array): bigint {
  const at = HASH_BLOCK_BYTES + POINT.length
  const message = Buffer.allocUnsafe(at + ID_BYTES + rest.byteLength)
  key.inner.copy(message)
  POINT.copy(message, HASH_BLOCK_BYTES)
  message.writeBigUInt64BE(id, at)
  message.set(rest, at + ID_BYTES)
  return idOf(key, message)
}

const POINT = Buffer.from('point\0')

/** @param bytes what follows; the result has the new blocks' ids after the old ones */
export function extendChain(key: ChainKey, chain: Chain, bytes: Buffer): Chain {
  const { baseId, baseCount, tail } = chain
  const lengthBytes = tail.length + bytes.length
  const newBlocks = Math.floor(lengthBytes / CHAIN_BLOCK_BYTES)
  const ids = new BigUint64Array(chain.ids.length + newBlocks)
  ids.set(chain.ids)
  const message = Buffer.allocUnsafe(HASH_BLOCK_BYTES + ID_BYTES + CHAIN_BLOCK_BYTES)
  key.inner.copy(message)
  let parent = lastId(chain)
  for (let block = 0; block < newBlocks; block += 1) {
    message.writeBigUInt64BE(parent, HASH_BLOCK_BYTES)
    copyAcross(tail, bytes, block * CHAIN_BLOCK_BYTES, message)
    parent = idOf(key, message)
    ids[chain.ids.length + block] = parent
  }
  const restAt = newBlocks * CHAIN_BLOCK_BYTES
  const rest =
    restAt >= tail.length
      ? Buffer.from(bytes.subarray(restAt - tail.length))
      : Buffer.concat([tail.subarray(restAt), bytes])
  return { baseId, baseCount, ids, tail: rest }
}

/** Copies one block, of `first` followed by `second`, behind the key and the parent's id. */
function copyAcross(first: Buffer, second: Buffer, from: number, into: Buffer): void {
  const at = HASH_BLOCK_BYTES + ID_BYTES
  const fromFirst = Math.max(0, Math.min(first.length - from, CHAIN_BLOCK_BYTES))
  if (fromFirst > 0) first.copy(into, at, from, from + fromFirst)
  const secondAt = Math.max(0, from - first.length)
  second.copy(into, at + fromFirst, secondAt, secondAt + CHAIN_BLOCK_BYTES - fromFirst)
}
