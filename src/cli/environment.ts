/** Which variables of the environment set the options of a verb, and which look as if they should. Pure. */
import type { Option } from 'commander'

/** Options that mean another thing for another verb: their variable has to name the verb. */
export const OWN_OF_EACH_VERB: ReadonlySet<string> = new Set(
  (
    'digest drain drift duration format from html key key-file limit listen model out ' +
    'tls-cert tls-key to workers'
  ).split(' '),
)

/** These hold secrets themselves: they are no file names for `--key` and `--upstream-key`, and never quoted. */
const SECRETS: ReadonlySet<string> = new Set(['TRACE_KEY', 'TRACE_UPSTREAM_KEY'])

const PREFIX = 'TRACE_'
const NOT_OPTIONS: ReadonlySet<string> = new Set([...SECRETS, 'TRACE_CONFIG', 'TRACE_HANDED_OVER'])

/** Kubernetes tells each container where the services are: for one named `trace`, in names like ours. */
const SERVICE_LINK = /_SERVICE_(HOST|PORT)(_|$)|_PORT(_\d+_(TCP|UDP)(_|$)|$)/

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The variables that set an option, the strongest first: `TRACE_REPLAY_SPEED` for one verb,
 * `TRACE_SPEED` for all that have the option in the same sense.
 *
 * @param section the words of the verb: `replay`, `catalog add`
 */
export function variablesOf(option: Option, section: string): string[] {
  const short = PREFIX + upperCase(option.name())
  const isShared = !OWN_OF_EACH_VERB.has(option.name()) && !SECRETS.has(short)
  return [PREFIX + upperCase(`${section} ${option.name()}`), ...(isShared ? [short] : [])]
}

/** What the environment says of an option, and by which name; null: nothing. */
export function valueFor(
  option: Option,
  section: string,
  env: Environment,
): Readonly<{ name: string; value: string }> | null {
  for (const name of variablesOf(option, section)) {
    const value = env[name]
    if (value !== undefined) return { name, value }
  }
  return null
}

/**
 * One line for each variable that was surely meant for this verb and sets nothing. Values are never
 * repeated: they may be secrets.
 *
 * @param isElsewhere whether some other verb takes a variable of this name
 */
export async function deafVariables(
  options: readonly Option[],
  section: string,
  env: Environment,
  isElsewhere: (name: string) => Promise<boolean>,
): Promise<string[]> {
  const own = options.flatMap((option) => variablesOf(option, section))
  const ofVerb = PREFIX + upperCase(`${section} `)
  const lines: string[] = []
  for (const name of Object.keys(env).toSorted()) {
    if (!name.startsWith(PREFIX) || own.includes(name) || NOT_OPTIONS.has(name)) continue
    if (SERVICE_LINK.test(name)) continue
    const option = options.find((each) => PREFIX + upperCase(each.name()) === name)
    if (option !== undefined) {
      const [full] = variablesOf(option, section)
      lines.push(`${name} is not read: --${option.name()} differs between verbs; set ${full}`)
      continue
    }
    const near = nearest(name, own)
    if (near === null && !name.startsWith(ofVerb)) continue
    if (await isElsewhere(name)) continue
    lines.push(`${name} sets nothing${near === null ? '' : `; did you mean ${near}?`}`)
  }
  return lines
}

function upperCase(words: string): string {
  return words.toUpperCase().replaceAll(/[ -]/g, '_')
}

/** The name that a slip or two away; short names have room for one only. */
function nearest(name: string, known: readonly string[]): string | null {
  const slips = name.length - PREFIX.length > 5 ? 2 : 1
  const ranked = known
    .map((each) => ({ each, distance: editDistance(name, each) }))
    .filter(({ distance }) => distance <= slips)
    .toSorted((one, other) => one.distance - other.distance)
  return ranked[0]?.each ?? null
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(one: string, other: string): number {
  let older: number[] = []
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let at = 1; at <= one.length; at++) {
    const next = [at]
    for (let to = 1; to <= other.length; to++) {
      const isSame = one[at - 1] === other[to - 1]
      const isSwap =
        at > 1 && to > 1 && one[at - 1] === other[to - 2] && one[at - 2] === other[to - 1]
      next.push(
        Math.min(
          (row[to] ?? 0) + 1,
          (next[to - 1] ?? 0) + 1,
          (row[to - 1] ?? 0) + (isSame ? 0 : 1),
          isSwap ? (older[to - 2] ?? 0) + 1 : Infinity,
        ),
      )
    }
    older = row
    row = next
  }
  return row[other.length] ?? 0
}
