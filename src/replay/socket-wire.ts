/** Connections over plain or TLS sockets, all read through one shared buffer. Effects: network. */
import { dial, type DialTls } from '../base/socket.ts'
import type { OpenWire } from './wire.ts'

/** As much as a kernel hands over in one read of a busy stream. */
const READ_BUFFER_BYTES = 65_536

export type WireTarget = Readonly<{
  /** An address, not a name: it was resolved once, ahead of the run. */
  host: string
  port: number
  tls: DialTls | null
}>

export function socketWires(targets: readonly WireTarget[]): OpenWire {
  const buffer = Buffer.alloc(READ_BUFFER_BYTES)
  return (targetIndex, events) => {
    const target = targets[targetIndex]
    if (target === undefined) throw new Error(`no target ${targetIndex}`)
    const state = { code: null as string | null }
    const socket = dial(target, {
      tls: target.tls,
      buffer,
      onBytes(into, sizeBytes) {
        // Under TLS the bytes come in a buffer of their own, which may be a plain array.
        const bytes =
          into === buffer ? buffer : Buffer.from(into.buffer, into.byteOffset, sizeBytes)
        events.bytes(bytes, sizeBytes)
        return true
      },
    })
    socket.once(target.tls === null ? 'connect' : 'secureConnect', () => events.connected())
    socket.once('end', () => events.ended())
    socket.once('error', (error: NodeJS.ErrnoException) => (state.code = error.code ?? 'ERROR'))
    socket.once('close', () => events.closed(state.code))
    // A socket with a reader of its own starts to read, and so to notice its end, only when told.
    socket.resume()
    const drained = () => events.drained()
    return {
      write: (bytes) => void socket.write(bytes, drained),
      get unsentBytes() {
        return socket.writableLength
      },
      close: () => void socket.destroy(),
    }
  }
}
