/** Reads how large an image is from its first bytes; decodes nothing else of it. Pure. */

/** Width and height in pixels and size in bytes; null where it cannot be told. */
export type ImageSize = [width: number | null, height: number | null, bytes: number | null]

export const UNKNOWN_SIZE: ImageSize = [null, null, null]

/** Of a JPEG, so much is looked through for its size. */
const HEAD_BASE64_LENGTH = 65_536
const MAX_SIDE = 1_000_000

/** @param url a `data:` URL; anything else is not fetched and stays unknown */
export function sizeOfDataUrl(url: string): ImageSize {
  if (!url.startsWith('data:')) return UNKNOWN_SIZE
  const comma = url.indexOf(',')
  const isBase64 = comma >= 0 && url.slice(0, comma).endsWith(';base64')
  return isBase64 ? sizeOfBase64(url, comma + 1) : UNKNOWN_SIZE
}

export function sizeOfBase64(text: string, from = 0): ImageSize {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const sizeBytes = Math.max(0, Math.floor(((text.length - from) * 3) / 4) - padding)
  const head = Buffer.from(text.slice(from, from + HEAD_BASE64_LENGTH), 'base64')
  const [width, height] = sidesOf(head) ?? [0, 0]
  const isKnown = width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE
  return isKnown ? [width, height, sizeBytes] : [null, null, sizeBytes]
}

type Sides = readonly [width: number, height: number]

function sidesOf(head: Buffer): Sides | null {
  if (head.length < 10) return null
  const kind = head.toString('latin1', 0, 4)
  if (kind === '\x89PNG') {
    return head.length < 24 ? null : [head.readUInt32BE(16), head.readUInt32BE(20)]
  }
  if (kind === 'GIF8') return [head.readUInt16LE(6), head.readUInt16LE(8)]
  if (kind === 'RIFF') return webpSides(head)
  return head[0] === 0xff && head[1] === 0xd8 ? jpegSides(head) : null
}

/** The three kinds of WebP: lossy, lossless, extended. */
function webpSides(head: Buffer): Sides | null {
  if (head.length < 30) return null
  switch (head.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return [head.readUInt16LE(26) & 0x3fff, head.readUInt16LE(28) & 0x3fff]
    case 'VP8L': {
      const bits = head.readUInt32LE(21)
      return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1]
    }
    case 'VP8X':
      return [head.readUIntLE(24, 3) + 1, head.readUIntLE(27, 3) + 1]
    default:
      return null
  }
}

/** Walks over the segments to the first frame header. */
function jpegSides(head: Buffer): Sides | null {
  let at = 2
  while (at + 9 <= head.length && head[at] === 0xff) {
    const marker = head[at + 1] ?? 0
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (isFrame) return [head.readUInt16BE(at + 7), head.readUInt16BE(at + 5)]
    at += marker === 0xff ? 1 : 2 + head.readUInt16BE(at + 2)
  }
  return null
}
