/** Which target each kind of request goes to. Pure. */
import { TraceError } from '../base/errors.ts'
import { parseUrl } from '../base/parse.ts'
import type { RequestShape } from '../workload/plan.ts'

export type NamedTarget = Readonly<{
  /** Route, target or model of the recording that goes there; null: whatever has no target of its own. */
  name: string | null
  url: URL
}>

/**
 * 'http://…', or 'NAME=http://…' where NAME is a route, target or model of the recording.
 *
 * @throws TraceError BAD_OPTION
 */
export function parseTargets(flag: string, texts: readonly string[]): NamedTarget[] {
  if (texts.length === 0) {
    throw new TraceError('BAD_OPTION', `${flag} is missing: where shall it be sent?`, {
      hint: `For example ${flag} http://127.0.0.1:8000; \`trace plan\` shows the load and sends nothing.`,
    })
  }
  const targets = texts.map((text) => {
    const [, name = null, url = text] = /^([^=]+)=(https?:.*)$/.exec(text) ?? []
    return { name, url: parseUrl(flag, url) }
  })
  const names = targets.map(({ name }) => name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) {
    throw new TraceError('BAD_OPTION', `${flag} names ${twice ?? 'no route or model'} twice`)
  }
  return targets
}

/**
 * @returns index of the target: that of its route, else its recorded target, else its model, else the
 *   one without a name
 * @throws TraceError BAD_OPTION where a request has none
 */
export function chooseTarget(targets: readonly NamedTarget[], shape: RequestShape): number {
  const named = [shape.route, shape.target, shape.adapter, shape.model].filter(
    (name) => name !== null,
  )
  for (const wanted of [...named, null]) {
    const found = targets.findIndex(({ name }) => name === wanted)
    if (found >= 0) return found
  }
  if (targets.length === 1) return 0
  throw new TraceError(
    'BAD_OPTION',
    `no --target for ${shape.route ?? shape.model ?? 'some rows'}`,
    {
      hint: 'Name one more, or one without a name for all the others.',
    },
  )
}
