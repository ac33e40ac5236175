/** Where an option's value comes from: flag, then TRACE_* environment, then --config file, then default. */
import type { Command, Option } from 'commander'
import { TraceError } from '../base/errors.ts'
import { readText } from '../base/files.ts'
import type { World } from '../base/world.ts'
import { parseYaml } from '../base/yaml.ts'
import { valueFor } from './environment.ts'

export const CONFIG_FLAG = '--config'

const ON_WORDS = new Set(['1', 'true', 'yes'])
const OFF_WORDS = new Set(['0', 'false', 'no', ''])

/** Gives every verb the flag and says in its help where else values can come from. */
export function addSettings(command: Command): Command {
  return command.option(
    `${CONFIG_FLAG} <file>`,
    "YAML with a section per verb, e.g. 'replay: {speed: 2x}'",
  )
}

/** Where values that no flag gave come from, by option: a variable, or a key of a file. */
export type Origins = Map<Option, Readonly<{ place: string; command: Command }>>

/**
 * Sets what environment and file say, below the flags that are parsed afterwards.
 *
 * @param origins filled as values are set, so that it is known where one that does not fit came from
 * @param section of the file: the verb's name, for `catalog add` both words
 * @throws TraceError BAD_OPTION naming a file that cannot be read, or a key that is no option
 */
export async function applySettings(
  command: Command,
  argv: readonly string[],
  world: World,
  origins: Origins = new Map(),
  section: string = command.name(),
): Promise<void> {
  const path = configPath(argv) ?? world.env['TRACE_CONFIG']
  if (path !== undefined) {
    applyFile(command, section, path, await readText(CONFIG_FLAG, path), origins)
  }
  for (const option of command.options) {
    const found = valueFor(option, section, world.env)
    if (found !== null) {
      origins.set(option, { place: found.name, command })
      setValue(command, option, found.value, 'env')
    }
    startAnew(option)
  }
}

/** Says where the options that a message names have their values from, unless flags gave them. */
export function originNote(message: string, origins: Origins): string {
  const notes = [...origins].flatMap(([option, { place, command }]) => {
    const isNamed = new RegExp(`--${option.name()}(?![\\w-])`).test(message)
    const isByFlag = command.getOptionValueSource(option.attributeName()) === 'cli'
    return isNamed && !isByFlag ? [`--${option.name()} is from ${place}`] : []
  })
  return notes.length === 0 ? '' : ` (${notes.join(', ')})`
}

/** A repeated flag adds to the flags before it, never to what environment or file said. */
function startAnew(option: Option): void {
  const collect = collectorOf(option)
  if (collect === undefined) return
  let isFirst = true
  option.argParser((text, earlier) => {
    const before = isFirst ? option.defaultValue : earlier
    isFirst = false
    return collect(text, before)
  })
}

type Collect = (text: string, earlier: unknown) => unknown

function collectorOf(option: Option): Collect | undefined {
  return option.parseArg ?? (option.variadic ? append : undefined)
}

function append(text: string, earlier: unknown): unknown {
  return Array.isArray(earlier) ? [...(earlier as unknown[]), text] : [text]
}

function configPath(argv: readonly string[]): string | undefined {
  const inline = argv.find((word) => word.startsWith(`${CONFIG_FLAG}=`))
  if (inline !== undefined) return inline.slice(CONFIG_FLAG.length + 1)
  const index = argv.indexOf(CONFIG_FLAG)
  return index < 0 ? undefined : argv[index + 1]
}

function applyFile(
  command: Command,
  section: string,
  path: string,
  text: string,
  origins: Origins,
): void {
  const sections = asRecord(parseYaml(text, path), path)
  const wanted = asRecord(sections[section] ?? {}, `${path}: ${section}`)
  for (const [key, value] of Object.entries(wanted)) {
    const option = command.options.find((known) => known.name() === key)
    if (option === undefined) {
      throw new TraceError('BAD_OPTION', `${path}: ${section} has no option '${key}'`)
    }
    origins.set(option, { place: `${path}: ${section}: ${key}`, command })
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) {
      setValue(command, option, String(one), 'config')
    }
  }
}

function setValue(command: Command, option: Option, text: string, source: 'env' | 'config'): void {
  const key = option.attributeName()
  const isOff = OFF_WORDS.has(text)
  if (option.isBoolean() || option.negate) {
    command.setOptionValueWithSource(key, option.negate ? isOff : !isOff, source)
    return
  }
  // A flag that may stand without a value: switched on or off, or given one.
  if (option.optional && (isOff || ON_WORDS.has(text))) {
    command.setOptionValueWithSource(key, isOff ? undefined : true, source)
    return
  }
  const isCollected = command.getOptionValueSource(key) === source
  const earlier = isCollected ? (command.getOptionValue(key) as unknown) : option.defaultValue
  const value = collectorOf(option)?.(text, earlier) ?? text
  command.setOptionValueWithSource(key, value, source)
}

function asRecord(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>
  }
  throw new TraceError('BAD_OPTION', `${where}: wants names and values, such as 'speed: 2x'`)
}
