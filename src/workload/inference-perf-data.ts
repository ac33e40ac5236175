/** The `data` part of an inference-perf file: how long prompts and answers are, and what they share. Pure. */
import { TraceError } from '../base/errors.ts'
import type { Fields } from './config-fields.ts'
import type { PerfReading } from './inference-perf.ts'
import { fixedLaw, type Law } from './law.ts'
import type { ClientClass } from './synth-model.ts'

export type PerfData = Readonly<{
  client: Pick<
    ClientClass,
    'turns' | 'thinkSec' | 'systemPrompt' | 'sizes' | 'isGrowingPrompt' | 'questionsPerGroup'
  >
  /** Kinds of data that inference-perf can send to /v1/completions only. */
  isCompletionOnly: boolean
}>

/** Answers to their own prompts, one turn, nothing shared. */
const PLAIN = {
  turns: fixedLaw(1),
  thinkSec: fixedLaw(0),
  systemPrompt: null,
  isGrowingPrompt: false,
  questionsPerGroup: null,
} as const

export function perfData(data: Fields, reading: PerfReading, notes: string[]): PerfData {
  const type = data.text('type', 'mock')
  if (type === 'synthetic' || type === 'random') return syntheticData(data, type, reading, notes)
  if (type === 'shared_prefix') return sharedPrefix(data.child('shared_prefix'), reading, notes)
  if (type === 'mock') {
    notes.push('mock: a word or two as prompt, and the 30 tokens that tool asks for without a size')
    const sizes = { kind: 'laws', input: fixedLaw(3), output: fixedLaw(30) } as const
    return { client: { ...PLAIN, sizes }, isCompletionOnly: false }
  }
  if (type === 'conversation_replay') {
    return conversations(data.child('conversation_replay'), reading, notes)
  }
  throw new TraceError(
    'BAD_OPTION',
    `${data.where}: type ${type} takes its sizes from a data set`,
    {
      hint: 'Read here are mock, synthetic, random, shared_prefix and conversation_replay.',
    },
  )
}

function syntheticData(
  data: Fields,
  type: 'synthetic' | 'random',
  reading: PerfReading,
  notes: string[],
): PerfData {
  const isGrowingPrompt = reading === 'executed' && type === 'synthetic'
  if (type === 'synthetic') {
    notes.push(
      isGrowingPrompt
        ? 'each prompt is the beginning of one text, as in v0.2.0: nearly all of it is cached'
        : 'prompts share nothing; in v0.2.0 each is the beginning of one text (--as executed)',
    )
  }
  const sizes = {
    kind: 'laws',
    input: perfLaw(data, 'input_distribution', reading, notes),
    output: perfLaw(data, 'output_distribution', reading, notes),
  } as const
  return { client: { ...PLAIN, sizes, isGrowingPrompt }, isCompletionOnly: true }
}

function sharedPrefix(fields: Fields, reading: PerfReading, notes: string[]): PerfData {
  const either = (first: string, second: string, fallback: number) =>
    fields.has(first) ? fields.number(first, undefined, 1) : fields.number(second, fallback, 1)
  const groups = either('num_unique_system_prompts', 'num_groups', 10)
  const questionsPerGroup = either('num_users_per_system_prompt', 'num_prompts_per_group', 10)
  const length = (key: string, distribution: string, fallback: number) =>
    fields.has(distribution)
      ? perfLaw(fields, distribution, reading, notes)
      : lengthOf(fields, key, fallback, reading, notes)
  const tokens = lengthOf(fields, 'system_prompt_len', 100, reading, notes)
  const sizes = {
    kind: 'laws',
    input: length('question_len', 'question_distribution', 50),
    output: length('output_len', 'output_distribution', 50),
  } as const
  return {
    client: { ...PLAIN, systemPrompt: { tokens, groups }, sizes, questionsPerGroup },
    isCompletionOnly: false,
  }
}

function conversations(fields: Fields, reading: PerfReading, notes: string[]): PerfData {
  const law = (key: string, fallback: Law) =>
    fields.has(key) ? perfLaw(fields, key, reading, notes) : fallback
  if (fields.has('dynamic_system_prompt_len')) {
    notes.push('dynamic_system_prompt_len: each conversation has its own there; left out here')
  }
  const tokens = fixedLaw(fields.number('shared_system_prompt_len', 8_359, 0))
  return {
    client: {
      ...PLAIN,
      turns: law('turns_per_conversation', fixedLaw(1)),
      thinkSec: law('tool_call_latency_sec', fixedLaw(0)),
      systemPrompt: { tokens, groups: 1 },
      sizes: {
        kind: 'laws',
        input: law('input_tokens_per_turn', DEFAULT_LAW),
        output: law('output_tokens_per_turn', DEFAULT_LAW),
      },
    },
    isCompletionOnly: true,
  }
}

/** What inference-perf takes where a distribution says nothing. */
const DEFAULTS = { min: 10, max: 1_024, mean: 512, sd: 200 } as const
const DEFAULT_LAW: Law = { law: 'normal', ...DEFAULTS }

/** A whole number, or a distribution as later versions have it. */
function lengthOf(
  fields: Fields,
  key: string,
  fallback: number,
  reading: PerfReading,
  notes: string[],
): Law {
  return typeof fields.value(key) === 'object'
    ? perfLaw(fields, key, reading, notes)
    : fixedLaw(fields.number(key, fallback, 0))
}

function perfLaw(parent: Fields, key: string, reading: PerfReading, notes: string[]): Law {
  const fields = parent.child(key)
  const min = fields.number('min', DEFAULTS.min)
  const max = fields.number('max', DEFAULTS.max)
  const mean = fields.number('mean', DEFAULTS.mean)
  const sd = deviation(fields, key, reading, notes)
  const type = fields.text('type', 'normal')
  if (type === 'normal' && (mean < min || mean > max))
    notes.push(`${key}: inference-perf refuses a mean outside min and max`)
  switch (type) {
    case 'normal':
      return { law: 'normal', mean, sd, min, max }
    case 'skew_normal':
      return { law: 'skewnormal', at: mean, scale: sd, skew: fields.number('skew', 0), min, max }
    case 'lognormal': {
      const shifted = mean - min > 0 ? mean - min : 1
      return { law: 'lognormal', mean: shifted, sd, shift: min, min, max }
    }
    case 'uniform':
      return { law: 'uniform', from: min, to: max, min, max }
    case 'poisson':
      return { law: 'poisson', mean, min, max }
    case 'fixed':
      return fixedLaw(Math.floor(mean))
    default:
      throw fields.fault('type', 'wants normal, skew_normal, lognormal, uniform, poisson or fixed')
  }
}

/** `std` is in that tool's documents and examples, but only `std_dev` is read by it. */
function deviation(fields: Fields, key: string, reading: PerfReading, notes: string[]): number {
  if (fields.has('std_dev')) {
    const sd = fields.number('std_dev', undefined, 0)
    return sd === 0 && fields.has('variance') ? Math.sqrt(fields.number('variance', 0, 0)) : sd
  }
  if (!fields.has('std')) return DEFAULTS.sd
  const sd = fields.number('std', undefined, 0)
  notes.push(
    reading === 'executed'
      ? `${key}: std ${sd} has no effect in inference-perf v0.2.0, which took std_dev ${DEFAULTS.sd}`
      : `${key}: std ${sd} is used; inference-perf v0.2.0 took std_dev ${DEFAULTS.sd} (--as executed)`,
  )
  return reading === 'executed' ? DEFAULTS.sd : sd
}
