/** `trace convert IN OUT`: public formats and both containers, in and out. */
import { Command } from 'commander'
import { convertTrace } from '../formats/convert.ts'
import { formatConversion } from '../formats/convert-text.ts'
import { parseConvertOptions, type RawConvertOptions } from '../formats/options.ts'
import type { Verb } from './verbs.ts'

export const convertCommand: Verb = (world) =>
  new Command('convert')
    .argument('<in>', 'file, folder, address, or - for standard input; plain, gzip or zstd')
    .argument('<out>', 'ends in .sqlite, .arrow, .csv, .jsonl or .parquet, or goes by --to')
    .option('--format <name>', 'format of the input; without it, its content tells')
    .option('--time-unit <unit>', 'unit of its times where they are numbers: s, ms, us or ns')
    .option('--strict', 'stop at the first row that cannot be read')
    .option('--to <name>', 'format of the output')
    .option('--for <tool>', 'Mooncake rows as aiperf, guidellm, vllm, dynamo or kvcache-simulator')
    .option('--force', 'replace the output if it exists')
    .addHelpText(
      'after',
      '\nFormats are listed in docs/formats.md.\n\nExamples:\n' +
        '  $ trace convert AzureLLMInferenceTrace_code.csv code.arrow\n' +
        '  $ trace convert prod/ prod.jsonl --for vllm\n',
    )
    .action(async (input: string, output: string, raw: RawConvertOptions) => {
      const conversion = await convertTrace(parseConvertOptions(input, output, raw), world)
      world.stdout.write(formatConversion(conversion))
    })
