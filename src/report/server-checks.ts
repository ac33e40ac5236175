/** Does the server's own count agree with ours? Pure. */
import { formatCount, formatDuration, formatShare, plural } from '../base/format.ts'
import { describe } from '../stats/moments.ts'
import { atMost, type Finding, unmeasured, withLimit } from './finding.ts'
import { present } from './latency-watch.ts'
import type { RunFacts } from './run-facts.ts'
import { MOST_REST, type TtftParts } from './ttft-parts.ts'

const NO_SERVER = 'server metrics not scraped'

export function checkRestart({ server }: RunFacts): Finding {
  if (server === null || server.scrapes < 2) return unmeasured(NO_SERVER)
  return server.restarted
    ? { status: 'fail', value: 1, limit: 0, unit: '', says: 'the server restarted during the run' }
    : { status: 'pass', value: 0, limit: 0, unit: '', says: 'server did not restart' }
}

/** One scrape tells no difference, and after a restart none would mean anything. */
function isBlind(server: RunFacts['server']): boolean {
  return server === null || server.scrapes < 2 || server.restarted
}

/** A hung-up request may have ended on the server before it noticed: it counts there, or not. */
export function checkCompleted({ server, side, watch, kind, probe }: RunFacts): Finding {
  const done = server?.completed
  if (done === undefined || done === null || kind !== 'replayed' || isBlind(server)) {
    return unmeasured(NO_SERVER)
  }
  const { ok, hung_up: hungUp, end_unseen: endUnseen, by_outcome: outcomes } = side.requests
  const probed = probe?.answered ?? 0
  const [least, most] = [
    ok + probed,
    ok +
      (probe?.sent ?? 0) +
      watch.extraChoices +
      hungUp +
      (outcomes['truncated'] ?? 0) +
      (outcomes['timeout'] ?? 0) +
      endUnseen,
  ]
  const off = Math.max(least - done, done - most, 0)
  const says =
    off === 0
      ? `server agrees${hungUp > 0 ? ` (${formatCount(hungUp)} hung up)` : ''}`
      : `server finished ${formatCount(done)}, we ${formatCount(ok + probed)}`
  return atMost(off, { warnAbove: 0, failAbove: Math.max(1, ok * 0.1) }, 'requests', says)
}

/** Requests that reached the server's HTTP layer and were not ours. */
export function checkForeignLoad({ server, side, kind, probe }: RunFacts): Finding {
  if (server?.http_requests === null || server === null || server.scrapes < 2) {
    return unmeasured(NO_SERVER)
  }
  if (kind !== 'replayed' || server.restarted) return unmeasured(NO_SERVER)
  const own = side.requests.total - side.requests.not_sent
  const sent = own + (probe?.sent ?? 0)
  const foreign = server.http_requests - sent
  if (foreign < 0) {
    const lost =
      side.requests.total - Object.values(side.requests.by_status).reduce((a, b) => a + b, 0)
    return atMost(
      Math.max(0, -foreign - lost),
      { warnAbove: 0 },
      'requests',
      `server saw ${formatCount(server.http_requests)} of ${formatCount(sent)} requests`,
    )
  }
  return atMost(
    foreign,
    { warnAbove: 0, failAbove: Math.max(1, sent * 0.1) },
    'requests',
    foreign === 0 ? 'no other load' : `${plural(foreign, 'request')} of others on the server`,
  )
}

/** Tokens that an engine may still make between a hang-up and noticing it. */
const SURPLUS_PER_HANG_UP = 64

/** Tokens that the server generated against those that we received. */
export function checkGenerated({ server, side, kind, probe }: RunFacts): Finding {
  const generated = server?.generation_tokens
  if (generated === undefined || generated === null || kind !== 'replayed' || server?.restarted) {
    return unmeasured(NO_SERVER)
  }
  const ours = side.tokens.output + (probe?.output_tokens ?? 0)
  const spare = SURPLUS_PER_HANG_UP * unfinished(side)
  const off = Math.max(ours - generated, generated - ours - spare, 0)
  const share = off / Math.max(1, ours)
  return atMost(
    share,
    { warnAbove: 0.005, failAbove: 0.1 },
    'share',
    off === 0
      ? 'generated tokens agree'
      : `server generated ${plural(generated, 'token')}, we saw ${formatCount(ours)}`,
  )
}

function unfinished({ requests }: RunFacts['side']): number {
  return requests.hung_up + requests.failed + requests.end_unseen
}

/** Tokens of our prompts against the server's sum; prompts of requests that failed may be missing there. */
export function checkPrompts({ server, side, watch, kind, probe }: RunFacts): Finding {
  const read = server?.prompt_tokens
  if (read === undefined || read === null || kind !== 'replayed' || server?.restarted) {
    return unmeasured(NO_SERVER)
  }
  const ours = watch.promptReads + (probe?.prompt_tokens ?? 0)
  const sparse = unfinished(side) > 0
  const off = sparse ? Math.max(0, read - ours) : Math.abs(read - ours)
  const share = off / Math.max(1, ours)
  return atMost(
    share,
    { warnAbove: 0.005, failAbove: 0.1 },
    'share',
    off === 0
      ? 'prompt tokens agree'
      : `server read ${formatCount(read)} prompt tokens, we sent ${formatCount(ours)}`,
  )
}

/** How many guesses come true depends on the words, and those of a replay are made up. */
export function checkSpeculation({ server, kind }: RunFacts): Finding {
  if (server === null || kind !== 'replayed') return unmeasured(NO_SERVER)
  const drafted = server.drafted_tokens ?? 0
  return atMost(
    drafted,
    { warnAbove: 0 },
    '',
    drafted === 0
      ? 'the server does not speculate'
      : `the server guessed ${plural(drafted, 'token')} ahead: gaps depend on words, and these are made up`,
  )
}

/** A grammar costs the server time at each token, and a replay binds its answers to none. */
export function checkStructured({ delivery, kind }: RunFacts): Finding {
  if (delivery === null || kind !== 'replayed') return unmeasured('nobody counted')
  const { structured } = delivery
  return atMost(
    structured,
    { warnAbove: 0 },
    '',
    structured === 0
      ? 'no structured output was recorded'
      : `${plural(structured, 'request')} sent without the structured output of the recording: gaps differ`,
  )
}

/** Our TTFT less the server's: network and HTTP, if all is well. Request by request where the server tells it so. */
export function checkTtftGap(facts: RunFacts): Finding {
  const { ttftParts } = facts
  return ttftParts !== null && ttftParts.share >= MIN_TOLD_SHARE
    ? partsFinding(ttftParts)
    : meansFinding(facts)
}

/** Servers tell nothing of requests with several choices; fewer than half of all stand for none but themselves. */
const MIN_TOLD_SHARE = 0.5

function partsFinding({ n, beyond, worst, rest }: TtftParts): Finding {
  const says =
    worst === null
      ? `TTFT of each request is the server's queue and prefill and ${formatDuration(rest.p50)} (p50)`
      : `TTFT of ${formatCount(beyond)} requests is not the server's queue and prefill: ` +
        `${worst.rest < 0 ? `${formatDuration(-worst.rest)} less` : `${formatDuration(worst.rest)} more`} in request ${worst.seq}`
  return atMost(beyond / n, { warnAbove: 0.01 }, 'share', says)
}

/** Our mean less the server's. Never below zero. */
function meansFinding({ server, watch }: RunFacts): Finding {
  const serverS = server?.means_s.ttft
  const ttft = describe(present(watch.latency.columns.ttft))
  if (serverS === undefined || serverS === null || ttft.n === 0 || server?.restarted) {
    return unmeasured(NO_SERVER)
  }
  const gapUs = ttft.mean - serverS * 1e6
  const says =
    gapUs < 0
      ? `our mean TTFT is ${formatDuration(-gapUs)} below the server's`
      : `our mean TTFT is ${formatDuration(gapUs)} above the server's (${formatShare(gapUs / ttft.mean, 0)})`
  // Hung-up streams are in the server's mean but not always in ours, hence the slack below zero.
  const limit =
    gapUs < 0
      ? Math.max(5_000, 0.1 * ttft.mean)
      : Math.max(MOST_REST.us, MOST_REST.share * ttft.mean)
  if (Math.abs(gapUs) <= limit) return { status: 'pass', value: gapUs, limit, unit: 'us', says }
  const told = withLimit(says, formatDuration(limit))
  return { status: 'warn', value: gapUs, limit, unit: 'us', says: told }
}
