/** One connection to a target, as the sending loop sees it. Types only; `socket-wire.ts` has the real one. */

export interface WireEvents {
  connected(): void
  /** The buffer is valid only during the call. */
  bytes(buffer: Buffer, sizeBytes: number): void
  /** All that was written has been handed to the kernel. */
  drained(): void
  /** The server sent FIN. */
  ended(): void
  /** The connection is gone; `code` where it broke. Called once, after everything else. */
  closed(code: string | null): void
}

export interface Wire {
  write(bytes: Uint8Array): void
  /** Written, but not yet taken by the kernel. */
  readonly unsentBytes: number
  /** Leaves: FIN, and whatever still arrives is thrown away. */
  close(): void
}

/** @param target index in the plan's list of targets */
export type OpenWire = (target: number, events: WireEvents) => Wire
