/**
 * `trace record`: joins relay, observer and what the operator sees, from start to drained end.
 * Effects: network, disk, signals, terminal.
 */
import { pause } from '../base/clock.ts'
import { ERRORS, EXIT, TraceError } from '../base/errors.ts'
import type { HttpClient } from '../base/http.ts'
import { checkTokenizer } from '../base/tokenizer.ts'
import type { SignalName, World } from '../base/world.ts'
import { closingDigest } from './closing-digest.ts'
import type { Companion, RecordCompanion } from './control.ts'
import { withInherited } from './inherited.ts'
import { loadKey } from './key-file.ts'
import { LiveLine } from './live-line.ts'
import type { ServerFacts } from './messages.ts'
import type { RecordOptions } from './options.ts'
import { RecordSession } from './record-session.ts'
import { checkOutFolder } from './out-folder.ts'
import { probePorts } from './relay.ts'
import { bannerText, drainText, keepsText, recordedNothing, summaryText } from './record-text.ts'
import { isSilence, readServerFacts } from './server-facts.ts'
import { questionClient, TlsMaterial } from './tls-material.ts'

/** Longest wait for the upstream's name and version before the banner is printed without. */
const BANNER_US = 1_000_000
/** A server that is not there yet is asked again after this, then after twice that, and so on. */
const ASK_AGAIN_US = 1_000_000
const ASK_RARELY_US = 60_000_000
const CLOSE_PATIENCE_US = 10_000_000
const CUT_PATIENCE_US = 1_000_000

/**
 * @param companions started once clients can connect, closed before the recording is
 * @returns the exit code; 0 after a drained end, 1 where nothing of what passed was recorded, 130 or
 *   143 if a second signal cut it short
 */
export async function record(
  given: RecordOptions,
  world: World,
  companions: readonly RecordCompanion[] = [],
): Promise<number> {
  const { stderr, stdout } = world
  const options = await checked(given, world)
  const key = await loadKey(options.observe.keyPath, world.env['TRACE_KEY'])
  if (key.problem !== null) stderr.write(`warning: ${key.problem}\n`)
  const session = new RecordSession(options, world, key.secret)
  await session.start()
  const client = await questionClient(options.tls)
  const live = new LiveLine(session, world)
  const stopping = new AbortController()
  const stops = stopSignals(world)
  const releases = [
    world.onSignal('SIGHUP', () => void reload(session, live)),
    world.onSignal('SIGUSR2', () => toggle(session, live)),
  ]
  const running: Companion[] = []
  try {
    await announce(options, client, session, live, stopping.signal)
    stderr.write(keepsText(options, key, process.pid))
    for (const companion of companions) running.push(await companion(session))
    const living = live.run(stopping.signal)
    await stops.first
    live.say(drainText(session.status().connections, options.drainUs))
    const drained = session.drain(options.drainUs)
    const cutBy = await Promise.race([drained.then(() => null), stops.second])
    if (cutBy !== null) session.cutAll()
    await drained
    stopping.abort()
    await living
    live.clear()
    const { degraded } = session.status()
    for (const each of running.splice(0)) await each.close()
    await session.close(cutBy === null ? CLOSE_PATIENCE_US : CUT_PATIENCE_US)
    const { counts, elapsedUs, unrecorded } = session.status()
    const { directory, asksUsage } = options
    const digest = cutBy === null ? await closingDigest(directory, counts.fileBytes) : null
    const end = { elapsedUs, counts, unrecorded, degraded, digest }
    const summary = { directory, asksUsage, ...end }
    stdout.write(summaryText(summary))
    if (cutBy === null) return recordedNothing(summary) ? ERRORS.FAILED.exitCode : EXIT.pass
    return cutBy === 'SIGINT' ? EXIT.interrupted : EXIT.terminated
  } catch (error) {
    for (const each of running) await each.close()
    session.cutAll()
    await session.close(CUT_PATIENCE_US)
    throw error
  } finally {
    stopping.abort()
    live.clear()
    stops.release()
    for (const release of releases) release()
    await client.close()
  }
}

/** @throws TraceError if something is wrong that would only show later */
async function checked(given: RecordOptions, { env }: World): Promise<RecordOptions> {
  const options = withInherited(given, env, process.pid)
  await checkOutFolder(options.directory)
  await new TlsMaterial(options.tls).load()
  const opened = options.routes.filter(({ socket }) => socket === null)
  if (!options.takesOver) await probePorts(opened.map(({ listen }) => listen))
  const { tokenizer } = options.observe
  if (tokenizer !== null) await checkTokenizer(tokenizer)
  return options
}

function toggle(session: RecordSession, live: LiveLine): void {
  session.setPaused(!session.isPaused)
  live.say(session.isPaused ? 'recording is off; requests pass\n' : 'recording is on again\n')
}

async function reload(session: RecordSession, live: LiveLine): Promise<void> {
  try {
    await session.reload()
    live.say('certificates read again\n')
  } catch (error) {
    if (!(error instanceof TraceError)) throw error
    live.say(`certificates stay as they were: ${error.message}\n`)
  }
}

async function announce(
  options: RecordOptions,
  client: HttpClient,
  session: RecordSession,
  live: LiveLine,
  signal: AbortSignal,
): Promise<void> {
  const waiting = new AbortController()
  const late = pause(BANNER_US, waiting.signal).then(
    () => 'late' as const,
    () => 'late' as const,
  )
  for (const route of options.routes) {
    const first = readServerFacts(client, route.upstream)
    const told = await Promise.race([first, late])
    live.say(bannerText(route, told))
    const say = (found: ServerFacts): void => {
      if (found !== told) live.say(bannerText(route, found))
    }
    void noteServer({ client, session, signal, say }, route.upstream, first)
  }
  waiting.abort()
}

type Noting = Readonly<{
  client: HttpClient
  session: RecordSession
  signal: AbortSignal
  say: (found: ServerFacts) => void
}>

/** Asks until somebody is there to answer: a model may take minutes to load. */
async function noteServer(
  { client, session, signal, say }: Noting,
  upstream: URL,
  first: ReturnType<typeof readServerFacts>,
): Promise<void> {
  let found = await first
  // Where it stands is known in any case.
  if (isSilence(found)) session.noteServer(null, upstream)
  for (let waitUs = ASK_AGAIN_US; isSilence(found) && found.isAway; waitUs *= 2) {
    await pause(Math.min(waitUs, ASK_RARELY_US), signal).catch(() => undefined)
    if (signal.aborted) return
    found = await readServerFacts(client, upstream)
  }
  if (isSilence(found)) return
  session.noteServer(found, upstream)
  say(found)
}

type StopSignals = Readonly<{
  first: Promise<SignalName>
  second: Promise<SignalName>
  release: () => void
}>

function stopSignals(world: World): StopSignals {
  const first = Promise.withResolvers<SignalName>()
  const second = Promise.withResolvers<SignalName>()
  let count = 0
  const names = ['SIGINT', 'SIGTERM'] as const
  const releases = names.map((name) =>
    world.onSignal(name, () => {
      count += 1
      if (count === 1) first.resolve(name)
      else second.resolve(name)
    }),
  )
  const release = (): void => {
    for (const each of releases) each()
  }
  return { first: first.promise, second: second.promise, release }
}
