/** What a page of a report was made from: command, versions, digests, transforms. Pure. */
import { escapeHtml, section, table } from './page.ts'
import type { Report, RunIdentity } from './report.ts'

export function madeFromSection(
  { run, recorded, schema_version: version }: Report,
  command: string | null,
): string {
  const rows = [
    ...identityRows('this run', run),
    ...(recorded ? identityRows('against', recorded.run) : []),
    ['report schema', String(version)],
  ]
  const steps = run.transforms.map(
    ({ name, arguments: given }) => `${name} ${JSON.stringify(given)}`,
  )
  return section({
    title: 'Made from',
    body: [
      command === null ? '' : `<pre>${escapeHtml(command)}</pre>`,
      table('Made from', ['what', 'value'], rows),
      steps.length === 0
        ? ''
        : `<p>Transforms, in order:</p><pre>${escapeHtml(steps.join('\n'))}</pre>`,
      `<p class="note">Percentiles by linear interpolation. Failed requests have no latency: read each percentile beside the share
that answered. Times from due include our own lateness. What each number means: docs/metrics.md.</p>`,
    ].join(''),
  })
}

function identityRows(label: string, run: RunIdentity): string[][] {
  return [
    [`${label}: kind`, run.kind],
    [`${label}: made by`, run.producer],
    [`${label}: rows (SHA-256)`, run.row_digest?.slice(0, 32) ?? 'not written'],
    ...(run.plan_sha256 ? [[`${label}: schedule (SHA-256)`, run.plan_sha256.slice(0, 32)]] : []),
    ...(run.seed ? [[`${label}: seed`, run.seed]] : []),
    ...(run.server.software
      ? [
          [
            `${label}: server`,
            [run.server.software, run.server.version, run.server.fingerprint]
              .filter(Boolean)
              .join(' '),
          ],
        ]
      : []),
  ]
}
