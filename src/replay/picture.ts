/** Pictures of a given size in pixels and bytes, each with pixels of its own. Pure. */
import { imageSizesOf } from '../trace/json-column.ts'
import { crc32, deflateSync } from 'node:zlib'

export type PictureSize = Readonly<{ width: number; height: number; bytes: number }>

/** Where a recording does not know: a small square. */
const UNKNOWN_PIXELS = 512
/** No server takes more; a broken row must not take all memory. */
const MAX_PIXELS = 16_384
const MAX_BYTES = 64_000_000

/** @param imageSizes canonical JSON, a list of [width, height, bytes] whose parts may be null */
export function parsePictures(imageSizes: string | null): PictureSize[] {
  return imageSizesOf(imageSizes).map(([width, height, bytes]) => ({
    width: pixels(width),
    height: pixels(height),
    bytes: Math.min(MAX_BYTES, Math.max(0, Math.round(bytes ?? 0))),
  }))
}

function pixels(value: number | null | undefined): number {
  return Math.min(MAX_PIXELS, Math.max(1, Math.round(value ?? UNKNOWN_PIXELS)))
}

/** Tokens that a picture is likely to take: one for each patch of 28 × 28 pixels, as many models do. */
export function pictureTokens({ width, height }: PictureSize): number {
  return Math.ceil(width / PATCH_PIXELS) * Math.ceil(height / PATCH_PIXELS)
}

const PATCH_PIXELS = 28
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/**
 * A PNG in grey levels. Where it is smaller than wanted, a private chunk that readers skip fills it up.
 *
 * @param seed another seed, another picture: no cache may know it
 */
export function makePicture({ width, height, bytes }: PictureSize, seed: number): Buffer {
  const rows = Buffer.alloc((width + 1) * height, seed & 0xff)
  for (let y = 0; y < height; y += 1) rows[y * (width + 1)] = 0
  for (let byte = 0; byte < Math.min(8, width); byte += 1)
    rows[1 + byte] = (seed >>> (byte * 4)) & 0xff
  const size = Buffer.alloc(13)
  size.writeUInt32BE(width, 0)
  size.writeUInt32BE(height, 4)
  size[8] = 8
  const parts = [SIGNATURE, chunk('IHDR', size), chunk('IDAT', deflateSync(rows, { level: 1 }))]
  const end = chunk('IEND', Buffer.alloc(0))
  const missing = bytes - [...parts, end].reduce((sum, part) => sum + part.length, 0) - CHUNK_BYTES
  if (missing >= 0) parts.push(chunk('trCe', Buffer.alloc(missing, seed & 0xff)))
  return Buffer.concat([...parts, end])
}

/** Length, name and checksum. */
const CHUNK_BYTES = 12

function chunk(name: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), data])
  const whole = Buffer.alloc(named.length + 8)
  whole.writeUInt32BE(data.length, 0)
  named.copy(whole, 4)
  whole.writeUInt32BE(crc32(named), named.length + 4)
  return whole
}
