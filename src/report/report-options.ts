/** What `trace report` and whoever prints a report can be told. Parsed once, here. */
import { readText } from '../base/files.ts'
import { parseUrl } from '../base/parse.ts'
import { readCalibration } from './calibration.ts'
import { parseProfile } from './metric-profile.ts'
import { parseObjectiveFile, parseObjectives } from './objective.ts'
import { openOtlp, type Otlp } from './otlp.ts'
import { OUTPUT_FLAGS, type RawOutputs } from './outputs.ts'
import type { ReportOptions } from './report.ts'
import { parseWindow, type RawWindow, WINDOW_FLAGS } from './window.ts'

export const REPORT_FLAGS = {
  slo: {
    flags: '--slo <objective>',
    description: "may be repeated: 'ttft.p99<500ms', 'error_rate<1%', mlperf:llama3.1-8b",
    isRepeatable: true,
  },
  sloFile: { flags: '--slo-file <file>', description: 'objectives, one a line' },
  metricProfile: {
    flags: '--metric-profile <tool>',
    description: 'also by the formulas of vllm, aiperf, guidellm or inference-perf',
  },
  calibration: {
    flags: '--calibration <file>',
    description: 'what the place of measuring costs, from trace replay --calibrate',
  },
  otlp: {
    flags: '--otlp <url>',
    description: 'a span of each request and the metrics to this OTLP/HTTP receiver',
  },
  ...WINDOW_FLAGS,
  ...OUTPUT_FLAGS,
} as const

export type RawReportOptions = RawOutputs &
  RawWindow & {
    slo?: string[]
    sloFile?: string
    metricProfile?: string
    otlp?: string
    calibration?: string
  }

export type ReportingOptions = ReportOptions &
  Readonly<{
    /** Where spans go when the report is made; null: nowhere. */
    otlp: Otlp | null
  }>

/** @throws TraceError BAD_OPTION */
export async function parseReportOptions(raw: RawReportOptions): Promise<ReportingOptions> {
  const file = raw.sloFile === undefined ? '' : await readText('--slo-file', raw.sloFile)
  return {
    objectives: [...(raw.slo ?? []).flatMap(parseObjectives), ...parseObjectiveFile(file)],
    profile: raw.metricProfile === undefined ? null : parseProfile(raw.metricProfile),
    window: parseWindow(raw),
    calibration:
      raw.calibration === undefined
        ? null
        : await readCalibration('--calibration', raw.calibration),
    otlp: raw.otlp === undefined ? null : await openOtlp(parseUrl('--otlp', raw.otlp)),
  }
}
