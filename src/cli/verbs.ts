/** Every verb of `trace`, in the order of its help. */
import type { Command } from 'commander'
import type { World } from '../base/world.ts'
import { abCommand } from './ab.ts'
import { cardCommand } from './card.ts'
import { compareCommand } from './compare.ts'
import { catalogCommand } from './catalog.ts'
import { convertCommand } from './convert.ts'
import { demoCommand } from './demo.ts'
import { doctorCommand } from './doctor.ts'
import { engineCommand } from './engine.ts'
import { queryCommand } from './query.ts'
import { headCommand } from './head.ts'
import { sliceCommand } from './slice.ts'
import { mergeCommand } from './merge.ts'
import { diffCommand } from './diff.ts'
import { fitCommand } from './fit.ts'
import { historyCommand } from './history.ts'
import { inspectCommand } from './inspect.ts'
import { markCommand } from './mark.ts'
import { planCommand } from './plan.ts'
import { synthCommand } from './synth.ts'
import { recordCommand } from './record.ts'
import { reportCommand } from './report.ts'
import { replayCommand } from './replay.ts'
import { scrubCommand } from './scrub.ts'
import { signCommand } from './sign.ts'
import { verifyCommand } from './verify.ts'
import { pushCommand } from './push.ts'
import { pullCommand } from './pull.ts'

/** Makes one verb's command. `answer` sets an exit code other than 0 that is not an error. */
export type Verb = (world: World, answer: (exitCode: number) => void) => Command

export const VERBS: readonly Verb[] = [
  recordCommand,
  markCommand,
  convertCommand,
  engineCommand,
  planCommand,
  synthCommand,
  fitCommand,
  replayCommand,
  inspectCommand,
  headCommand,
  queryCommand,
  sliceCommand,
  diffCommand,
  mergeCommand,
  reportCommand,
  compareCommand,
  cardCommand,
  abCommand,
  historyCommand,
  demoCommand,
  doctorCommand,
  scrubCommand,
  signCommand,
  verifyCommand,
  pushCommand,
  pullCommand,
  catalogCommand,
]
