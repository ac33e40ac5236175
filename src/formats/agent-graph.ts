/** Who waited for whom, where a trace tells only sessions and times. Pure. */
import type { GraphDependency } from './graph-rows.ts'

export type AgentCall = Readonly<{
  id: string
  session: string
  /** The session that started this one. */
  parentSession: string | null
  startUs: number
  endUs: number
}>

/**
 * A call waits for the one before in its session; the first of a session for the parent session's
 * latest call; a call after its children for the last of them to end.
 *
 * @param calls in order of start
 */
export function agentGraph(calls: readonly AgentCall[]): Map<string, GraphDependency[]> {
  const latest = new Map<string, AgentCall>()
  const unjoined = new Map<string, AgentCall[]>()
  const graph = new Map<string, GraphDependency[]>()
  for (const call of calls) {
    const before = latest.get(call.session)
    const dependencies: GraphDependency[] = []
    if (before !== undefined) {
      const joined = joinOf(call, unjoined)
      if (joined !== null) dependencies.push(joined)
      dependencies.push(after(before, call, 'sequence'))
    } else if (call.parentSession !== null) {
      const parent = latest.get(call.parentSession)
      if (parent !== undefined) dependencies.push(after(parent, call, 'spawn'))
    }
    graph.set(call.id, dependencies)
    latest.set(call.session, call)
    if (call.parentSession === null) continue
    const children = unjoined.get(call.parentSession) ?? []
    unjoined.set(call.parentSession, [...children.slice(-MAX_SIDE_BY_SIDE), call])
  }
  return graph
}

/** Of more calls than these that run at once, only the latest are waited for. */
const MAX_SIDE_BY_SIDE = 256

/**
 * Where calls of one session may run side by side: each waits for the calls that had ended and that
 * no other ended call had waited for. Several parents are a join.
 *
 * @param calls in order of start
 */
export function intervalGraph(calls: readonly AgentCall[]): Map<string, GraphDependency[]> {
  const sessions = new Map<string, { open: AgentCall[]; ended: AgentCall[] }>()
  const graph = new Map<string, GraphDependency[]>()
  for (const call of calls) {
    const { open, ended } = sessions.get(call.session) ?? { open: [], ended: [] }
    const all = [...ended, ...open.filter(({ endUs }) => endUs <= call.startUs)]
    const latestUs = all.reduce((latest, { startUs }) => Math.max(latest, startUs), -Infinity)
    const parents = all.filter(({ endUs }) => endUs > latestUs)
    const relation = parents.length > 1 ? 'join' : 'sequence'
    graph.set(
      call.id,
      parents.map((parent) => after(parent, call, relation)),
    )
    const rest = open.filter(({ endUs }) => endUs > call.startUs)
    sessions.set(call.session, { open: [...rest.slice(-MAX_SIDE_BY_SIDE), call], ended: parents })
  }
  return graph
}

/** Children that had ended by now count once, through the one that ended last. */
function joinOf(call: AgentCall, unjoined: Map<string, AgentCall[]>): GraphDependency | null {
  const children = unjoined.get(call.session) ?? []
  const ended = children.filter(({ endUs }) => endUs <= call.startUs)
  unjoined.set(
    call.session,
    children.filter(({ endUs }) => endUs > call.startUs),
  )
  const last = ended.reduce<AgentCall | null>(
    (latest, child) => (latest === null || child.endUs > latest.endUs ? child : latest),
    null,
  )
  return last === null ? null : after(last, call, 'join')
}

/** From the end of the earlier call, or from its start where the two overlap. */
function after(earlier: AgentCall, call: AgentCall, relation: string): GraphDependency {
  const isAfterEnd = earlier.endUs <= call.startUs
  return {
    id: earlier.id,
    trigger: isAfterEnd ? 'end' : 'dispatch',
    relation,
    delayUs: call.startUs - (isAfterEnd ? earlier.endUs : earlier.startUs),
  }
}
