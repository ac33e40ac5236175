/** The PROXY protocol, versions 1 and 2: who the client of a load balancer really is. Pure. */
import { isIPv6 } from '../base/socket.ts'

export type Endpoints = Readonly<{
  source: string
  sourcePort: number
  destination: string
  destinationPort: number
}>

export type ProxyHeader = Readonly<{
  sizeBytes: number
  /** null where the balancer speaks for itself, e.g. in a health check. */
  endpoints: Endpoints | null
}>

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const V1_PREFIX = Buffer.from('PROXY ', 'latin1')
const V1_MAX_BYTES = 107
const V2_HEAD_BYTES = 16
/** Addresses and extensions of version 2; more is refused. */
const V2_MAX_BYTES = 4_096

/** @returns the header, 'more' while its end is missing, or 'bad' */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | 'more' | 'bad' {
  if (startsLike(bytes, SIGNATURE)) return parseVersion2(bytes)
  if (startsLike(bytes, V1_PREFIX)) return parseVersion1(bytes)
  return 'bad'
}

function startsLike(bytes: Buffer, wanted: Buffer): boolean {
  const size = Math.min(bytes.length, wanted.length)
  return bytes.subarray(0, size).equals(wanted.subarray(0, size))
}

function parseVersion1(bytes: Buffer): ProxyHeader | 'more' | 'bad' {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf('\r\n')
  if (end < 0) return bytes.length < V1_MAX_BYTES ? 'more' : 'bad'
  const sizeBytes = end + 2
  const [, family, source, destination, from, to] = bytes.toString('latin1', 0, end).split(' ')
  if (family === 'UNKNOWN') return { sizeBytes, endpoints: null }
  if ((family !== 'TCP4' && family !== 'TCP6') || source === undefined) return 'bad'
  if (destination === undefined || !isPort(from) || !isPort(to)) return 'bad'
  return {
    sizeBytes,
    endpoints: {
      source,
      destination,
      sourcePort: Number(from),
      destinationPort: Number(to),
    },
  }
}

function isPort(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,5}$/.test(text) && Number(text) <= 65_535
}

function parseVersion2(bytes: Buffer): ProxyHeader | 'more' | 'bad' {
  if (bytes.length < V2_HEAD_BYTES) return 'more'
  const command = bytes.readUInt8(12)
  const family = bytes.readUInt8(13)
  const length = bytes.readUInt16BE(14)
  const sizeBytes = V2_HEAD_BYTES + length
  if (command >> 4 !== 2 || (command & 15) > 1 || length > V2_MAX_BYTES) return 'bad'
  if (bytes.length < sizeBytes) return 'more'
  if ((command & 15) === 0 || (family !== 0x11 && family !== 0x21)) {
    return { sizeBytes, endpoints: null }
  }
  const size = family === 0x11 ? 4 : 16
  if (length < size * 2 + 4) return 'bad'
  const at = V2_HEAD_BYTES
  return {
    sizeBytes,
    endpoints: {
      source: addressText(bytes.subarray(at, at + size)),
      destination: addressText(bytes.subarray(at + size, at + 2 * size)),
      sourcePort: bytes.readUInt16BE(at + 2 * size),
      destinationPort: bytes.readUInt16BE(at + 2 * size + 2),
    },
  }
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_unused, index) => bytes.readUInt16BE(index * 2))
  return groups.map((group) => group.toString(16)).join(':')
}

/** The header that stands before the first byte to the upstream. */
export function formatProxyHeader(version: 1 | 2, endpoints: Endpoints): Buffer {
  const { source, destination, sourcePort, destinationPort } = endpoints
  const isLong = isIPv6(source) || isIPv6(destination)
  if (version === 1) {
    const family = isLong ? 'TCP6' : 'TCP4'
    const text = [family, source, destination, sourcePort, destinationPort].join(' ')
    return Buffer.from(`PROXY ${text}\r\n`, 'latin1')
  }
  const addresses = [source, destination].map((text) => addressBytes(text, isLong))
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(sourcePort, 0)
  ports.writeUInt16BE(destinationPort, 2)
  const body = Buffer.concat([...addresses, ports])
  const head = Buffer.from([0x21, isLong ? 0x21 : 0x11, body.length >> 8, body.length & 255])
  return Buffer.concat([SIGNATURE, head, body])
}

function addressBytes(text: string, isLong: boolean): Buffer {
  if (!isIPv6(text)) {
    const short = Buffer.from(text.split('.').map(Number))
    // An IPv4 address among IPv6 ones is written as ::ffff:a.b.c.d.
    return isLong ? Buffer.concat([Buffer.alloc(10), Buffer.from([255, 255]), short]) : short
  }
  const [left = '', right] = text.split('::')
  const head = groupsOf(left)
  const tail = right === undefined ? [] : groupsOf(right)
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0)
  const bytes = Buffer.alloc(16)
  for (const [index, group] of [...head, ...zeros, ...tail].entries()) {
    bytes.writeUInt16BE(group, index * 2)
  }
  return bytes
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}
