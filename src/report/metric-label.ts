/** What a person calls each latency. Pure. */
import type { MetricName } from './side.ts'

export const METRIC_LABELS: Readonly<Record<MetricName, string>> = {
  ttft_due: 'TTFT from due',
  ttft: 'TTFT from sent',
  ttfc: 'first content',
  itl: 'inter-token',
  icl: 'inter-chunk',
  tpot: 'TPOT',
  e2e_due: 'end to end, due',
  e2e: 'end to end, sent',
  ntpot: 'end to end/token',
  lag: 'lag of sends',
  connect: 'connecting',
}
