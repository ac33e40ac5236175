/**
 * A replay through a recorder in front of the target: both see the same requests, so the difference is
 * what the place of measurement costs. Effects: network, a child process, threads, files.
 */
import { TraceError } from '../base/errors.ts'
import { checkOutput, writeWhole } from '../base/files.ts'
import type { World } from '../base/world.ts'
import type { ReplayOptions } from '../replay/options.ts'
import { checkTargets } from '../replay/prepare.ts'
import type { ReplayEnd } from '../replay/replay.ts'
import { calibrate, type Calibration, calibrationNote } from '../report/calibration.ts'
import type { Plan } from '../workload/plan.ts'
import { freePort, untilReady } from './local-server.ts'
import { startVerb, stopVerb } from './verb-process.ts'

const HOST = '127.0.0.1'

/**
 * @throws TraceError BAD_OPTION where the run could not tell the place from the load; what
 *   a replay would say of the target, since the run itself sees only the recorder in front of it
 */
export async function checkCalibrates(
  plan: Plan,
  options: ReplayOptions,
  world: World,
): Promise<void> {
  const step = plan.steps.find(({ name }) => name === 'speed')
  const speed = Object.values(step?.arguments ?? {}).find((value) => typeof value === 'number')
  const wrong = [
    (speed ?? 1) === 1 ? [] : ['runs at 1x: the load has to be the one that was recorded'],
    options.targets.length === 1 ? [] : ['wants one target'],
  ].flat()
  if (wrong.length > 0) throw new TraceError('BAD_OPTION', `--calibrate ${wrong.join(', and ')}`)
  await checkTargets(plan, options, world)
}

/**
 * @param run replays with the options that it is given
 * @returns also where the calibration was written: beside the result
 */
export async function calibratedReplay(
  options: ReplayOptions & Readonly<{ outPath: string }>,
  world: World,
  run: (options: ReplayOptions) => Promise<ReplayEnd>,
): Promise<ReplayEnd & Readonly<{ calibration: Calibration; calibrationPath: string }>> {
  const stem = options.outPath.replace(/\.[^./]+$/, '')
  const relayPath = `${stem}-relay`
  const calibrationPath = `${stem}.calibration.json`
  for (const path of [relayPath, calibrationPath]) checkOutput(path, options.isForced)
  const relay = new URL(options.targets[0]!.url)
  const towards = ['--upstream', relay.origin, ...upstreamTls(options)]
  relay.protocol = 'http:'
  relay.host = `${HOST}:${await freePort()}`
  const recorder = await startRecorder(towards, relay.host, relayPath, world)
  let end: ReplayEnd
  try {
    end = await run({ ...options, targets: [{ name: null, url: relay }] })
  } finally {
    await stopVerb(recorder, world.clock)
  }
  const calibration = await calibrate(relayPath, end.outPath)
  await writeWhole(calibrationPath, `${JSON.stringify(calibration, null, 2)}\n`)
  world.stderr.write(`${calibrationNote(calibration)}\ncalibration  ${calibrationPath}\n`)
  return { ...end, calibration, calibrationPath }
}

/** The recorder meets the server in the replay's place: with its certificate, and its trust. */
function upstreamTls({ tls }: ReplayOptions): string[] {
  const { caPath, certPath, keyPath, isInsecure } = tls
  const files = { '--upstream-ca': caPath, '--upstream-cert': certPath, '--upstream-key': keyPath }
  const named = Object.entries(files).flatMap(([flag, path]) => (path === null ? [] : [flag, path]))
  return isInsecure ? [...named, '--insecure'] : named
}

async function startRecorder(
  towards: readonly string[],
  listenAt: string,
  out: string,
  world: World,
) {
  const said: string[] = []
  const verb = startVerb(
    ['record', ...towards, '--listen', listenAt, '--admin-listen', 'off', '--out', out],
    world,
    { onText: (text) => said.push(text) },
  )
  try {
    await untilReady(`http://${listenAt}`, verb.ended, world.clock)
  } catch (cause) {
    verb.kill('SIGKILL')
    const why = said.join('').trim()
    throw new TraceError('FAILED', `the recorder did not come up: ${why}`, { cause })
  }
  return verb
}
