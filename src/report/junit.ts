/** Checks, objectives and gates as JUnit XML, which every CI shows. Pure. */
import type { Comparison } from './comparison.ts'
import type { Report } from './report.ts'
import { objectiveText } from './slo-text.ts'

type Case = Readonly<{
  name: string
  status: 'passed' | 'failed' | 'error' | 'skipped'
  message: string
}>

export function reportJunit(report: Report): string {
  const checks = report.verdict.checks.map((check): Case => ({
    name: check.name,
    status: { pass: 'passed', warn: 'passed', fail: 'error', unmeasured: 'skipped' }[
      check.status
    ] as Case['status'],
    message: check.says,
  }))
  const objectives = (report.slo?.objectives ?? []).map((result): Case => ({
    name: result.text,
    status: result.met === null ? 'skipped' : result.met ? 'passed' : 'failed',
    message: objectiveText(result),
  }))
  return junit([
    { name: 'validity', cases: checks },
    { name: 'objectives', cases: objectives },
  ])
}

export function comparisonJunit(comparison: Comparison): string {
  const cases = comparison.gates.map((result): Case => ({
    name: result.gate,
    status: { regression: 'failed', pass: 'passed', inconclusive: 'skipped' }[
      result.decision
    ] as Case['status'],
    message:
      'reason' in result
        ? result.reason
        : `change ${(result.change * 100).toFixed(1)} %, runs to decide: ${result.runsToDecide ?? 'none'}`,
  }))
  const verdicts = [...comparison.verdicts.a, ...comparison.verdicts.b].map(
    (verdict, index): Case => ({
      name: `run ${index + 1}`,
      status: verdict === 'INVALID' ? 'error' : 'passed',
      message: verdict,
    }),
  )
  return junit([
    { name: 'gates', cases },
    { name: 'validity', cases: verdicts },
  ])
}

function junit(suites: readonly Readonly<{ name: string; cases: readonly Case[] }>[]): string {
  const filled = suites.filter(({ cases }) => cases.length > 0)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="trace" ${counts(filled.flatMap(({ cases }) => cases))}>`,
    ...filled.flatMap(({ name, cases }) => [
      `  <testsuite name="${escapeXml(name)}" ${counts(cases)}>`,
      ...cases.map((each) => caseXml(name, each)),
      '  </testsuite>',
    ]),
    '</testsuites>',
    '',
  ].join('\n')
}

function counts(cases: readonly Case[]): string {
  const count = (wanted: Case['status']) => cases.filter(({ status }) => status === wanted).length
  return `tests="${cases.length}" failures="${count('failed')}" errors="${count('error')}" skipped="${count('skipped')}"`
}

function caseXml(suite: string, { name, status, message }: Case): string {
  const open = `    <testcase name="${escapeXml(name)}" classname="trace.${escapeXml(suite)}"`
  const text = escapeXml(message)
  const inner: Record<Case['status'], string> = {
    passed: `<system-out>${text}</system-out>`,
    failed: `<failure type="threshold" message="${text}"/>`,
    error: `<error type="invalid" message="${text}"/>`,
    skipped: `<skipped message="${text}"/>`,
  }
  return `${open}>${inner[status]}</testcase>`
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(/[^\t\n\r\u0020-\uFFFD]/g, ' ')
}
