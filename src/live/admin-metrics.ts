/** A recorder's figures as Prometheus reads them. Effects: none of its own; reads on each scrape. */
import { Counter, Gauge, Registry } from 'prom-client'
import { processCpuUs, processMemoryBytes } from '../base/machine.ts'
import type { RecordControl } from '../record/control.ts'
import type { RecordStatus } from '../record/record-text.ts'

type Family = Readonly<{
  name: string
  help: string
  value: (status: RecordStatus, control: RecordControl) => number
}>

const COUNTERS: readonly Family[] = [
  {
    name: 'trace_record_requests_total',
    help: 'Requests begun on recorded endpoints',
    value: ({ counts }) => counts.requests,
  },
  {
    name: 'trace_record_recorded_total',
    help: 'Rows written with their end',
    value: ({ counts }) => counts.recorded,
  },
  {
    name: 'trace_record_unrecorded_total',
    help: 'Requests without a whole row',
    value: ({ unrecorded }) => unrecorded,
  },
  {
    name: 'trace_record_hung_up_total',
    help: 'Requests whose client left',
    value: ({ counts }) => counts.hungUp,
  },
  {
    name: 'trace_record_failed_total',
    help: 'Requests that ended otherwise than ok',
    value: ({ counts }) => counts.failed,
  },
  {
    name: 'trace_record_passed_total',
    help: 'Requests of other endpoints, passed on',
    value: ({ counts }) => counts.passed,
  },
  {
    name: 'trace_record_server_counted_total',
    help: "Rows with the server's own token counts",
    value: ({ counts }) => counts.serverCounted,
  },
  {
    name: 'trace_record_gap_rows_total',
    help: 'Rows of the gap table',
    value: ({ counts }) => counts.gapRows,
  },
  {
    name: 'trace_record_cpu_seconds_total',
    help: 'CPU time of all threads',
    value: () => processCpuUs() / 1_000_000,
  },
]

const GAUGES: readonly Family[] = [
  {
    name: 'trace_record_in_flight',
    help: 'Recorded requests under way',
    value: ({ counts }) => counts.inFlight,
  },
  {
    name: 'trace_record_connections',
    help: 'Client connections',
    value: ({ connections }) => connections,
  },
  {
    name: 'trace_record_degraded',
    help: '1 while requests pass unrecorded',
    value: ({ degraded }) => (degraded === null ? 0 : 1),
  },
  {
    name: 'trace_record_paused',
    help: '1 while recording is switched off',
    value: (_status, { isPaused }) => (isPaused ? 1 : 0),
  },
  {
    name: 'trace_record_segments',
    help: 'Segments on disk',
    value: ({ counts }) => counts.segments,
  },
  {
    name: 'trace_record_disk_bytes',
    help: 'Size of all segments',
    value: ({ counts }) => counts.fileBytes,
  },
  {
    name: 'trace_record_memory_bytes',
    help: 'Resident memory of the process',
    value: () => processMemoryBytes(),
  },
]

export function adminRegistry(control: RecordControl): Registry {
  const registry = new Registry()
  for (const { name, help, value } of COUNTERS) {
    const counter: Counter = new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        counter.reset()
        counter.inc(value(control.status(), control))
      },
    })
  }
  for (const { name, help, value } of GAUGES) {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [registry],
      collect: () => gauge.set(value(control.status(), control)),
    })
  }
  const added: Gauge = new Gauge({
    name: 'trace_record_added_seconds',
    help: 'Added to a chunk by the relay, lately',
    labelNames: ['quantile'],
    registers: [registry],
    collect() {
      const { addedP50Us, addedP99Us } = control.status()
      if (addedP50Us !== null) added.set({ quantile: '0.5' }, addedP50Us / 1_000_000)
      if (addedP99Us !== null) added.set({ quantile: '0.99' }, addedP99Us / 1_000_000)
    },
  })
  return registry
}
