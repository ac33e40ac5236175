/** Which of the target's models stands for each recorded one. Pure. */
import { TraceError } from '../base/errors.ts'
import type { TargetFacts } from './target-facts.ts'

/** Stands for every recorded name that has no mapping of its own and that the target does not serve. */
export const ANY_MODEL = '*'

/** 'a=b' → ['a', 'b']; the last '=' divides. @throws TraceError BAD_OPTION */
export function parseModelMapping(flag: string, text: string): readonly [string, string] {
  const at = text.lastIndexOf('=')
  if (at < 1 || at === text.length - 1) {
    throw new TraceError('BAD_OPTION', `${flag} wants recorded=served, got '${text}'`)
  }
  return [text.slice(0, at), text.slice(at + 1)]
}

export type ModelMap = Readonly<{ models: Readonly<Record<string, string>>; defaultModel: string }>

/**
 * @param recorded names in the plan, models and adapters
 * @throws TraceError TARGET_UNFIT naming the first that the target does not serve
 */
export function mapModels(
  facts: TargetFacts,
  recorded: readonly string[],
  mappings: Readonly<Record<string, string>>,
): ModelMap {
  const fallback = mappings[ANY_MODEL]
  if (!facts.isListed) return mapUnlisted(facts, recorded, mappings)
  const served = new Set(facts.models.map(({ id }) => id))
  const first = facts.models[0]?.id ?? ''
  const models: Record<string, string> = {}
  for (const name of recorded) {
    const wanted = mappings[name] ?? (served.has(name) ? name : (fallback ?? name))
    if (!served.has(wanted)) {
      throw new TraceError('TARGET_UNFIT', `${facts.url.origin} does not serve ${wanted}`, {
        hint: `It serves ${listed(facts)}; name one with --map-model '${name}=${first}'.`,
      })
    }
    models[name] = wanted
  }
  return { models, defaultModel: fallback ?? first }
}

/** Nobody says what such a server serves, so that each name has to be given; a first request will tell. */
function mapUnlisted(
  { url, basePath }: TargetFacts,
  recorded: readonly string[],
  mappings: Readonly<Record<string, string>>,
): ModelMap {
  const fallback = mappings[ANY_MODEL]
  const models: Record<string, string> = {}
  for (const name of recorded) {
    const wanted = mappings[name] ?? fallback
    if (wanted !== undefined) models[name] = wanted
  }
  const isNamed = recorded.every((name) => models[name] !== undefined)
  if (isNamed && (recorded.length > 0 || fallback !== undefined)) {
    return { models, defaultModel: fallback ?? '' }
  }
  throw new TraceError(
    'TARGET_UNFIT',
    `${url.origin} is no LLM server: ${basePath}/models does not list models`,
    { hint: "If it is one all the same, say which model it serves: --map-model '*=NAME'." },
  )
}

const NAMES_SHOWN = 5

function listed(facts: TargetFacts): string {
  const names = facts.models.map(({ id }) => id)
  const more = names.length - NAMES_SHOWN
  return names.slice(0, NAMES_SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
