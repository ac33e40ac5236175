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
    summary: 'Stands in front of a server and records sizes and times.',
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
    summary: 'Reads any known format; writes a trace or another format.',
    load: async () => (await import('./convert.ts')).convertCommand,
  },
  {
    name: 'synth',
    group: 'Record and make traces:',
    summary: 'Makes a trace of a load that is written down.',
    load: async () => (await import('./synth.ts')).synthCommand,
  },
  {
    name: 'fit',
    group: 'Record and make traces:',
    summary: 'Writes such a load down from a trace, and says how near it is.',
    load: async () => (await import('./fit.ts')).fitCommand,
  },
  {
    name: 'inspect',
    group: 'Look at traces:',
    summary: 'Shows what is in a trace: arrivals, sizes, sharing, outcomes.',
    load: async () => (await import('./inspect.ts')).inspectCommand,
  },
  {
    name: 'head',
    group: 'Look at traces:',
    summary: 'Shows the first requests of a trace.',
    load: async () => (await import('./head.ts')).headCommand,
  },
  {
    name: 'query',
    group: 'Look at traces:',
    summary: 'Answers read-only SQL over a trace.',
    load: async () => (await import('./query.ts')).queryCommand,
  },
  {
    name: 'slice',
    group: 'Look at traces:',
    summary: 'Writes a part of a trace: of a time, tenants or models.',
    load: async () => (await import('./slice.ts')).sliceCommand,
  },
  {
    name: 'merge',
    group: 'Look at traces:',
    summary: 'Puts traces into one, or joins the shards of one replay.',
    load: async () => (await import('./merge.ts')).mergeCommand,
  },
  {
    name: 'diff',
    group: 'Look at traces:',
    summary: 'Says where two traces differ; exits 99 if they do.',
    load: async () => (await import('./diff.ts')).diffCommand,
  },
  {
    name: 'card',
    group: 'Look at traces:',
    summary: 'Writes the page that a team publishes beside a trace.',
    load: async () => (await import('./card.ts')).cardCommand,
  },
  {
    name: 'plan',
    group: 'Replay and judge:',
    summary: 'Shows what a replay would send, and when. Sends nothing.',
    load: async () => (await import('./plan.ts')).planCommand,
  },
  {
    name: 'replay',
    group: 'Replay and judge:',
    summary: 'Sends the load of a trace again, and judges what came back.',
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
    summary: 'Compares runs of A with runs of B, and decides gates.',
    load: async () => (await import('./compare.ts')).compareCommand,
  },
  {
    name: 'ab',
    group: 'Replay and judge:',
    summary: 'Replays a load to two servers in turns, and decides gates.',
    load: async () => (await import('./ab.ts')).abCommand,
  },
  {
    name: 'history',
    group: 'Replay and judge:',
    summary: 'Follows numbers over many runs, and finds where they changed.',
    load: async () => (await import('./history.ts')).historyCommand,
  },
  {
    name: 'scrub',
    group: 'Share:',
    summary: 'Makes a copy to give away, and says what it still tells.',
    load: async () => (await import('./scrub.ts')).scrubCommand,
  },
  {
    name: 'sign',
    group: 'Share:',
    summary: 'Signs a trace: no row and no header changes unnoticed.',
    load: async () => (await import('./sign.ts')).signCommand,
  },
  {
    name: 'verify',
    group: 'Share:',
    summary: 'Checks the digest and the signatures of a trace.',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
  {
    name: 'push',
    group: 'Share:',
    summary: 'Puts a trace where others can pull it from.',
    load: async () => (await import('./push.ts')).pushCommand,
  },
  {
    name: 'pull',
    group: 'Share:',
    summary: 'Fetches a trace, and checks its digest.',
    load: async () => (await import('./pull.ts')).pullCommand,
  },
  {
    name: 'catalog',
    group: 'Share:',
    summary: 'Keeps cards of traces in a folder, to review them like code.',
    load: async () => (await import('./catalog.ts')).catalogCommand,
  },
  {
    name: 'demo',
    group: 'Try and check:',
    summary: 'Records made-up users, replays them at 2x, and compares.',
    load: async () => (await import('./demo.ts')).demoCommand,
  },
  {
    name: 'engine',
    group: 'Try and check:',
    summary: 'Simulates a vLLM server.',
    load: async () => (await import('./engine.ts')).engineCommand,
  },
  {
    name: 'doctor',
    group: 'Try and check:',
    summary: 'Checks this machine, and the way to a server.',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
]
