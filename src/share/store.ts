/** What every place that traces are kept in offers. Types only. */

/** A local file on its way out. */
export type Upload = Readonly<{
  path: string
  /** What it is called where a place has names of its own. */
  name: string
  sizeBytes: number
  /** SHA-256 of the file, 64 hex digits. */
  sha256: string
  signal: AbortSignal
  /** A page about it, for places that keep several files under one address. */
  companion: Upload | null
}>

/** A file found at its place. */
export type Remote = Readonly<{
  /** What the local copy is called without another name. */
  name: string
  sizeBytes: number | null
  /** Where the place knows it. */
  sha256: string | null
  /** Changes when the file does; null where the place has no such mark. */
  version: string | null
  /**
   * The bytes from a place on.
   *
   * @returns fromByte 0 where the place sends everything whatever it was asked
   */
  read(fromByte: number): Promise<Readonly<{ fromByte: number; chunks: AsyncIterable<Uint8Array> }>>
}>

export type Store = Readonly<{
  /** Puts the file there, whole or not at all; true if the same was there already. */
  put(upload: Upload): Promise<boolean>
  find(): Promise<Remote>
  close(): Promise<void>
}>
