/** Every verb of `trace`, in the order of its help. A verb's code is loaded only when it is asked for. */
import type { Command } from 'commander'
import type { World } from '../base/world.ts'

/** Makes one verb's command. `answer` sets an exit code other than 0 that is not an error. */
export type Verb = (world: World, answer: (exitCode: number) => void) => Command

export type VerbEntry = Readonly<{
  name: string
  group: string
  summary: string
  load: () => Promise<Verb>
}>

export const VERBS: readonly VerbEntry[] = [
  {
    name: 'record',
    group: 'Record and make traces:',
    summary: 'Stands in front of a server, passes bytes on unchanged, and records their sizes.',
    load: async () => (await import('./record.ts')).recordCommand,
  },
  {
    name: 'mark',
    group: 'Record and make traces:',
    summary: 'Leaves a mark, such as a deployment, in a running recording.',
    load: async () => (await import('./mark.ts')).markCommand,
  },
  {
    name: 'convert',
    group: 'Record and make traces:',
    summary: 'Reads any known format and writes a trace or another format.',
    load: async () => (await import('./convert.ts')).convertCommand,
  },
  {
    name: 'synth',
    group: 'Record and make traces:',
    summary: 'Makes a trace from a configuration: laws of sizes, arrivals, classes of clients.',
    load: async () => (await import('./synth.ts')).synthCommand,
  },
  {
    name: 'fit',
    group: 'Record and make traces:',
    summary: 'Fits classes of clients to a trace, for trace synth, and says how near they are.',
    load: async () => (await import('./fit.ts')).fitCommand,
  },
  {
    name: 'inspect',
    group: 'Look at traces:',
    summary: 'Shows what is in a trace: arrivals, sizes, sharing, sessions, outcomes.',
    load: async () => (await import('./inspect.ts')).inspectCommand,
  },
  {
    name: 'head',
    group: 'Look at traces:',
    summary: 'Shows the first requests of a trace, with the columns that have values.',
    load: async () => (await import('./head.ts')).headCommand,
  },
  {
    name: 'query',
    group: 'Look at traces:',
    summary: 'Answers a read-only SQL query over a trace of either container.',
    load: async () => (await import('./query.ts')).queryCommand,
  },
  {
    name: 'slice',
    group: 'Look at traces:',
    summary: 'Writes the part of a trace in a window of time, or of some tenants or models.',
    load: async () => (await import('./slice.ts')).sliceCommand,
  },
  {
    name: 'merge',
    group: 'Look at traces:',
    summary: 'Puts traces side by side in one, or joins the shards of one replay.',
    load: async () => (await import('./merge.ts')).mergeCommand,
  },
  {
    name: 'diff',
    group: 'Look at traces:',
    summary: 'Says where two traces differ, row by row; exits 99 if they do.',
    load: async () => (await import('./diff.ts')).diffCommand,
  },
  {
    name: 'card',
    group: 'Look at traces:',
    summary: 'Writes the page that a team publishes beside a trace, as Markdown or HTML.',
    load: async () => (await import('./card.ts')).cardCommand,
  },
  {
    name: 'plan',
    group: 'Replay and judge:',
    summary: 'Shows what a replay would send and when, before and after each transform.',
    load: async () => (await import('./plan.ts')).planCommand,
  },
  {
    name: 'replay',
    group: 'Replay and judge:',
    summary: 'Sends the load of a trace again, open loop, and writes a trace of what happened.',
    load: async () => (await import('./replay.ts')).replayCommand,
  },
  {
    name: 'report',
    group: 'Replay and judge:',
    summary: 'Shows what a run measured, and whether to believe it.',
    load: async () => (await import('./report.ts')).reportCommand,
  },
  {
    name: 'compare',
    group: 'Replay and judge:',
    summary: 'Compares runs of A with runs of B; runs are the unit, never pooled requests.',
    load: async () => (await import('./compare.ts')).compareCommand,
  },
  {
    name: 'ab',
    group: 'Replay and judge:',
    summary: 'Replays a load against two servers in turns and decides whether B is worse.',
    load: async () => (await import('./ab.ts')).abCommand,
  },
  {
    name: 'history',
    group: 'Replay and judge:',
    summary: 'Follows numbers over the runs in a folder and finds where their level changed.',
    load: async () => (await import('./history.ts')).historyCommand,
  },
  {
    name: 'scrub',
    group: 'Share:',
    summary: 'Makes a copy of a trace that can be given away, and says what it still tells.',
    load: async () => (await import('./scrub.ts')).scrubCommand,
  },
  {
    name: 'sign',
    group: 'Share:',
    summary: 'Signs a trace: its rows and its header cannot be changed unnoticed after that.',
    load: async () => (await import('./sign.ts')).signCommand,
  },
  {
    name: 'verify',
    group: 'Share:',
    summary: 'Recomputes the digest of a trace and checks its signatures; exit 99 if not good.',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
  {
    name: 'push',
    group: 'Share:',
    summary: 'Puts a trace where others can pull it from; it appears there whole or not at all.',
    load: async () => (await import('./push.ts')).pushCommand,
  },
  {
    name: 'pull',
    group: 'Share:',
    summary: 'Fetches a trace, resumes where it was cut, and checks its digest.',
    load: async () => (await import('./pull.ts')).pullCommand,
  },
  {
    name: 'catalog',
    group: 'Share:',
    summary: 'Keeps small cards of traces in a folder, so that a team reviews traffic like code.',
    load: async () => (await import('./catalog.ts')).catalogCommand,
  },
  {
    name: 'demo',
    group: 'Try and check:',
    summary: 'Records made-up traffic, replays it at twice the speed, and compares.',
    load: async () => (await import('./demo.ts')).demoCommand,
  },
  {
    name: 'engine',
    group: 'Try and check:',
    summary: 'Simulates a vLLM server: its scheduler, its wire format, its errors.',
    load: async () => (await import('./engine.ts')).engineCommand,
  },
  {
    name: 'doctor',
    group: 'Try and check:',
    summary: 'Checks this machine, and with --target each step on the way to a server.',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
]
