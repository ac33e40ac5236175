/**
 * The folder that an observer writes: opened, opened again, kept within its bounds, measured; and what
 * its headers learn late. Effects: writes and reads the folder; reads the clocks.
 */
import { basename } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { canonicalJson } from '../trace/canonical.ts'
import type { EventRow } from '../trace/columns.ts'
import type { ClockAnchor, TraceHeader } from '../trace/header.ts'
import { measureSegments, retainSegments } from '../trace/retention.ts'
import { type Recording, openRecording } from '../trace/segment.ts'
import type { ObserverConfig } from './observer-config.ts'

export class RecordingFolder {
  readonly #config: ObserverConfig
  readonly #clock: Clock
  /** Told once somebody can write them. */
  readonly #restarts: EventRow[] = []
  #begin: readonly ClockAnchor[] = []
  /** Monotonic µs at the recording's origin. */
  originUs: number
  /** Of the upstream, once it has told. */
  server: TraceHeader['server'] | null = null
  size = { segments: 0, bytes: 0 }

  constructor(config: ObserverConfig, clock: Clock) {
    this.#config = config
    this.#clock = clock
    this.originUs = config.originUs
  }

  get nowUs(): number {
    return this.#clock.nowUs() - this.originUs
  }

  /** @throws TraceError where it cannot be written */
  open(): Recording {
    const { directory, header } = this.#config
    const recording = openRecording(directory, header)
    const { originWallUs, clock } = recording.header
    // A recording that goes on keeps its origin, so that its times go on too.
    if (originWallUs !== null) {
      this.originUs = this.#clock.nowUs() - (this.#clock.wallUs() - originWallUs)
    }
    this.#begin = clock.anchors
    if (!recording.isNew) this.#noteRestart(recording)
    this.retain(recording)
    return recording
  }

  #noteRestart({ recovered, segmentPath }: Recording): void {
    const detail = canonicalJson({ ...recovered, segment: basename(segmentPath) })
    this.#restarts.push({ atUs: this.nowUs, kind: 'restart', detail })
  }

  /** Events that nobody has written yet. */
  takeRestarts(): EventRow[] {
    return this.#restarts.splice(0)
  }

  /** What a segment's header says as it is finished: the server, and how far the clocks went apart. */
  lateHeader(): Partial<TraceHeader> {
    const end = { atUs: this.nowUs, wallUs: this.#clock.wallUs() }
    return {
      clock: { quantumUs: 1, anchors: [...this.#begin, end] },
      ...(this.server === null ? {} : { server: this.server }),
    }
  }

  retain(recording: Recording): void {
    const { directory, retention } = this.#config
    try {
      retainSegments(directory, recording, retention, this.#clock.wallUs())
    } catch {
      // What cannot be deleted now is not worth the recording: the next rotation tries again.
    }
    this.measure()
  }

  /** A folder that cannot be read has the size that it had. */
  measure(): void {
    this.size = measureSegments(this.#config.directory) ?? this.size
  }
}
